"""mapped: as many empty Python tasks as the run's `count` says, by dynamic task mapping."""

from __future__ import annotations

from airflow.sdk import DAG, task

with DAG("mapped", schedule=None, max_active_tasks=500, params={"count": 100}):

    @task
    def numbers(params=None):
        return list(range(params["count"]))

    @task
    def empty(number):
        return None

    empty.expand(number=numbers())
