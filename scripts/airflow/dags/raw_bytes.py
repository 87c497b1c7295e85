"""raw_bytes: a Python task that puts bytes into its own log file that no UTF-8 text can hold, and NULs."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, task
from airflow.sdk.configuration import conf

with DAG("raw_bytes", schedule=None):

    @task
    def writes(ti=None):
        folder = Path(conf.get("logging", "base_log_folder"))
        here = folder / f"dag_id={ti.dag_id}" / f"run_id={ti.run_id}" / f"task_id={ti.task_id}"
        with open(here / f"attempt={ti.try_number}.log", "ab") as log:
            log.write(b"NUL \x00, lone byte \xff, cut sequence \xe6\x97 ., surrogate \xed\xa0\x80, overlong \xc0\xaf\n")
            log.write("whole: é 日本 🛰\n".encode())
        print("written")

    writes()
