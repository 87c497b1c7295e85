"""sleepers: four bash tasks that count their seconds, each as long as the run's `seconds` says."""

from __future__ import annotations

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("sleepers", schedule=None, max_active_tasks=500, params={"seconds": 12}):
    for number in (1, 2, 3, 4):
        BashOperator(
            task_id=f"sleeper_{number}",
            bash_command="for i in $(seq {{ params.seconds }}); do echo tick $i; sleep 1; done",
        )
