"""native_looks: tasks in another language that keep values, and look at runs, other tasks and the XComs of mapped ones."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, task

with DAG("native_looks", schedule=None, tags=["native"]):

    @task.stub(queue="ts", retries=1, retry_delay=timedelta(seconds=1))
    def remembers(): ...

    @task.stub(queue="ts")
    def counts(i): ...

    @task.stub(queue="ts")
    def looks(): ...

    @task.stub(queue="ts")
    def left_out(i): ...

    [remembers(), counts.expand(i=list(range(5)))] >> looks() >> left_out.expand(i=[0, 1])
