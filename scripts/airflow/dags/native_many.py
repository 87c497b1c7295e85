"""native_many: 200 empty tasks in another language, by dynamic task mapping; the benchmark runs it."""

from __future__ import annotations

from airflow.sdk import DAG, task

with DAG("native_many", schedule=None, max_active_tasks=500):

    @task.stub(queue="ts-bench")
    def empty(i): ...

    empty.expand(i=list(range(200)))
