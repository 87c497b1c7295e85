"""hello: one bash task that says hello on both of its outputs; the demo runs it."""

from __future__ import annotations

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("hello", schedule=None):
    BashOperator(task_id="hello", bash_command="echo hello from an edge worker; echo and from its stderr >&2")
