"""native_large: 81 tasks in another language, six layers of eight all to all and twice mapped, and 4 in Python."""

from __future__ import annotations

from airflow.sdk import DAG, chain, cross_downstream, task

with DAG("native_large", schedule=None, max_active_tasks=64):

    @task
    def seed():
        return 1

    @task
    def items(n):
        return [n + i for i in range(20)]

    @task
    def triple(n):
        return n * 3

    @task
    def check(total):
        print("the whole is", total)
        return total

    @task.stub(queue="ts")
    def layer(): ...

    @task.stub(queue="ts")
    def fan(n): ...

    @task.stub(queue="ts")
    def gather(): ...

    @task.stub(queue="ts")
    def split(): ...

    @task.stub(queue="ts")
    def part(n): ...

    @task.stub(queue="ts")
    def whole(): ...

    layers = [
        [layer.override(task_id=f"layer_{depth}_{place}")() for place in range(8)] for depth in range(6)
    ]
    begin = seed()
    begin >> layers[0]
    for before, after in zip(layers, layers[1:]):
        cross_downstream(before, after)

    gathered = gather()
    fan.expand(n=items(begin)) >> gathered
    last = whole()
    parts = part.expand(n=split())
    chain([gathered, triple(gathered), *layers[-1], parts], last)
    check(last)
