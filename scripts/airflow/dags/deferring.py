"""deferring: a task that waits two seconds in the triggerer and comes back to the same try and log."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator


class Defers(BaseOperator):
    def execute(self, context):
        print("before the trigger é")
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=2)), method_name="resume")

    def resume(self, context, event=None):
        print("after the trigger 日本")


with DAG("deferring", schedule=None):
    Defers(task_id="defers")
