"""native_follows: what runs when native_assets has updated its bread."""

from __future__ import annotations

from airflow.sdk import DAG, Asset, task

# as in native_assets: the file that is read last decides what the site keeps of an asset
bread = Asset(name="native_bread", uri="x-oven://native/bread", group="oven", extra={"kind": "rye"})

with DAG("native_follows", schedule=[bread]):

    @task.stub(queue="ts")
    def eats(): ...

    eats()
