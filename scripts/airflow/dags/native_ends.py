"""native_ends: tasks in another language, one for each way in which a task can end."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, TriggerRule, task

soon = {"retries": 1, "retry_delay": timedelta(seconds=1)}

with DAG("native_ends", schedule=None):

    @task.stub(queue="ts", **soon)
    def retries(): ...

    @task.stub(queue="ts", **soon)
    def fails_at_once(): ...

    @task.stub(queue="ts")
    def fails(): ...

    @task.stub(queue="ts")
    def skips(): ...

    @task
    def after_skip():
        print("must not run")

    @task.stub(queue="ts")
    def branches(): ...

    @task
    def taken():
        print("taken")

    @task
    def left_out():
        print("must not run")

    @task.stub(queue="ts")
    def reschedules(): ...

    @task.stub(queue="ts")
    def defers(): ...

    @task.stub(queue="ts")
    def triggers(): ...

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def over():
        print("over")

    skips() >> after_skip()
    branches() >> [taken(), left_out()]
    [retries(), fails_at_once(), fails(), reschedules(), defers(), triggers()] >> over()
