"""native_assets: tasks in another language that update assets, by name and by an alias, and one that reads all of them."""

from __future__ import annotations

from airflow.sdk import DAG, Asset, AssetAlias, task

bread = Asset(name="native_bread", uri="x-oven://native/bread", group="oven", extra={"kind": "rye"})
tray = AssetAlias("native_tray")

with DAG("native_assets", schedule=None):

    @task.stub(queue="ts", outlets=[bread])
    def bakes(): ...

    @task.stub(queue="ts", outlets=[tray])
    def serves(): ...

    @task.stub(queue="ts", inlets=[bread, tray])
    def tastes(): ...

    [bakes(), serves()] >> tastes()
