"""deferring: a task that waits in the triggerer and comes back to the same try and log.

Eight seconds, as Airflow 3.3.2's supervisor may live on for five after its task has deferred: a task that is queued
again sooner shares its job's row with the report of the earlier end, and the site then fails it.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator


class Defers(BaseOperator):
    def execute(self, context):
        print("before the trigger é")
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=8)), method_name="resume")

    def resume(self, context, event=None):
        print("after the trigger 日本")


with DAG("deferring", schedule=None):
    Defers(task_id="defers")
