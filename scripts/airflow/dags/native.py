"""native: tasks in another language between Python tasks: XComs both ways, a variable, a connection, and a mapped task."""

from __future__ import annotations

from airflow.sdk import DAG, task

with DAG("native", schedule=None):

    @task
    def seed():
        return {"n": 3, "one": 1.0, "big": 12345678901234567890}

    @task.stub(queue="ts")
    def crunch(): ...

    @task
    def report(crunched):
        one, big = crunched["one"], crunched["big"]
        print("crunched", crunched["doubled"], type(one).__name__, one, type(big).__name__, big)

    @task.stub(queue="ts")
    def numbers(): ...

    @task
    def square(n):
        print("squared", n * n)
        return n * n

    @task.stub(queue="ts")
    def each(i): ...

    @task.stub(queue="ts")
    def add(): ...

    crunched = crunch()
    seed() >> crunched
    report(crunched)
    squares = square.expand(n=numbers())
    squares >> each.expand(i=[10, 20]) >> add()
