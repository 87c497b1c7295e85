"""native_assets: tasks in another language that update assets, by name and by an alias, and one that reads all of them."""

from __future__ import annotations

from airflow.sdk import DAG, Asset, AssetAlias, task

bread = Asset(name="native_bread", uri="x-oven://native/bread", group="oven", extra={"kind": "rye"})
slices = Asset(name="native_slices", uri="x-oven://native/slices")
tray = AssetAlias("native_tray")

with DAG("native_assets", schedule=None):

    @task.stub(queue="ts", outlets=[bread, slices])
    def bakes(): ...

    @task.stub(queue="ts", outlets=[tray])
    def serves(): ...

    @task.stub(queue="ts", inlets=[bread, tray])
    def tastes(): ...

    [bakes(), serves()] >> tastes()
