"""gate: a Python task that holds eight slots until the file of the run's `open_file` exists."""

from __future__ import annotations

import os
import time

from airflow.sdk import DAG, task

with DAG("gate", schedule=None, params={"open_file": "/nonexistent"}):

    @task(pool_slots=8)
    def hold(params=None):
        print("the gate is shut")
        while not os.path.exists(params["open_file"]):
            time.sleep(0.05)

    hold()
