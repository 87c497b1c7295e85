"""callback: a Dag whose deadline is over at once, so that its alert arrives at the executor as a callback."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, DeadlineAlert, DeadlineReference, SyncCallback


def announce(text, context):
    print("callback says:", text, context["dag_run"]["dag_id"])


with DAG(
    "callback",
    schedule=None,
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(seconds=1),
        callback=SyncCallback(announce, kwargs={"text": "the deadline is over"}),
    ),
):
    BashOperator(task_id="late", bash_command="sleep 5")
