"""hello_python: one Python task that prints a line at once; the benchmark waits for that line."""

from __future__ import annotations

from airflow.sdk import DAG, task

with DAG("hello_python", schedule=None, max_active_runs=100):

    @task
    def hello():
        print("hello from python")

    hello()
