"""failing: a Python task that fails twice, with a message of more than ASCII and a NUL in it."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, task

with DAG("failing", schedule=None):

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def fails():
        raise RuntimeError("broken é \x00 日本")

    fails()
