"""native_waits: a task in another language that counts in its log until it is stopped, or the run's `seconds` are over."""

from __future__ import annotations

from airflow.sdk import DAG, task

with DAG("native_waits", schedule=None, params={"seconds": 600}):

    @task.stub(queue="ts")
    def waits(): ...

    waits()
