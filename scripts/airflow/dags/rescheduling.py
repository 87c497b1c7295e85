"""rescheduling: a sensor that gives its slot back between two looks, until the run is six seconds old."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.providers.standard.sensors.python import PythonSensor
from airflow.sdk import DAG


def old_enough(dag_run):
    age = (datetime.now(timezone.utc) - dag_run.start_date).total_seconds()
    print("looked é", round(age, 1))
    return age > 6


with DAG("rescheduling", schedule=None):
    PythonSensor(task_id="looks", python_callable=old_enough, mode="reschedule", poke_interval=2, timeout=120)
