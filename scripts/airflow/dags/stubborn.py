"""stubborn: bash that ignores SIGTERM, with a grandchild in a session of its own that ignores it too.

Both write their process ids into the folder of the run's `folder`.
"""

from __future__ import annotations

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

script = """
trap '' TERM INT HUP
echo $$ > '{{ params.folder }}/child'
setsid bash -c "trap '' TERM INT HUP; echo \\$\\$ > '{{ params.folder }}/grandchild'; while true; do sleep 1; done" &
echo stubborn
while true; do sleep 1; done
"""

with DAG("stubborn", schedule=None, params={"folder": "/nonexistent"}):
    BashOperator(task_id="stays", bash_command=script)
