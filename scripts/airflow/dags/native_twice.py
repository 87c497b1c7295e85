"""native_twice: the same work once in our binary, and once as an executable bundle under Airflow's own supervisor."""

from __future__ import annotations

from airflow.sdk import DAG, task

with DAG("native_twice", schedule=None):

    @task
    def seed():
        return {"n": 3, "one": 1.0, "big": 12345678901234567890}

    @task.stub(queue="ts")
    def ours(): ...

    @task.stub(queue="bundle")
    def theirs(): ...

    seed() >> ours() >> theirs()
