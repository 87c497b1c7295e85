"""native_asks: tasks in another language that wait for a person: answered, answered by default, and not at all."""

from __future__ import annotations

from airflow.sdk import DAG, TriggerRule, task

with DAG("native_asks", schedule=None):

    @task.stub(queue="ts")
    def approves(): ...

    @task.stub(queue="ts")
    def sent(): ...

    @task.stub(queue="ts", trigger_rule=TriggerRule.ALL_DONE)
    def stopped(): ...

    @task.stub(queue="ts")
    def by_default(): ...

    @task.stub(queue="ts")
    def unanswered(): ...

    approves() >> [sent(), stopped()]
    by_default()
    unanswered()
