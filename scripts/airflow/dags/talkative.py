"""talkative: a Python task that prints many lines of multi-byte text, as many as the run's `lines` says."""

from __future__ import annotations

from airflow.sdk import DAG, task

with DAG("talkative", schedule=None, params={"lines": 20000}):

    @task
    def talks(params=None):
        for line in range(params["lines"]):
            print(line, "日本語 é 🛰", "x" * (line % 97))

    talks()
