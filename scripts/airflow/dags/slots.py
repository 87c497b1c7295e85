"""slots: two rounds of tasks that take one, two and three slots each for a few seconds."""

from __future__ import annotations

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("slots", schedule=None, max_active_tasks=500, params={"seconds": 2}):
    for turn in ("first", "second"):
        for slots in (1, 2, 3):
            BashOperator(
                task_id=f"{turn}_takes_{slots}",
                bash_command="sleep {{ params.seconds }}",
                pool_slots=slots,
            )
