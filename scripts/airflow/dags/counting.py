"""counting: a Python task that counts in its log, waits at gates on its way, and keeps a ledger of what ran when.

At each of the run's `gates` (line numbers with commas) it waits until `folder` has a file of that name; `folder/ledger`
gets a line as a try begins, and one as it ends.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta

from airflow.sdk import DAG, task

params = {"folder": "/nonexistent", "lines": 150, "millis": 10, "gates": ""}

with DAG("counting", schedule=None, max_active_runs=500, max_active_tasks=500, params=params):

    @task(retries=2, retry_delay=timedelta(seconds=1))
    def counts(params=None, ti=None):
        folder = params["folder"]
        gates = {int(gate) for gate in str(params["gates"]).split(",") if gate}

        def keep(what):
            ledger = os.open(f"{folder}/ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            os.write(ledger, f"{ti.run_id} {ti.task_id} {ti.try_number} {os.getpid()} {what}\n".encode())
            os.close(ledger)

        keep("begins")
        for line in range(1, params["lines"] + 1):
            print(f"line {line} of try {ti.try_number} é")
            while line in gates and not os.path.exists(f"{folder}/{line}"):
                time.sleep(0.02)
            time.sleep(params["millis"] / 1000)
        keep("ends")

    counts()
