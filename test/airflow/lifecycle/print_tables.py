"""Prints what Airflow's own edge3 says: `answer` for all pairs of states, `report` for every (jobs, drain, maintenance)."""

import json
from types import SimpleNamespace

from airflow.providers.edge3 import __version__
from airflow.providers.edge3.cli.worker import EdgeWorker
from airflow.providers.edge3.models.edge_worker import EdgeWorkerState
from airflow.providers.edge3.worker_api.routes.worker import redefine_state

states = list(EdgeWorkerState)
report = [
    {
        "jobs": jobs,
        "drain": drain,
        "maintenance": maintenance,
        "state": EdgeWorker._get_state(
            SimpleNamespace(jobs=[None] * jobs, drain=drain, maintenance_mode=maintenance)
        ).value,
    }
    for jobs in (0, 1, 2)
    for drain in (False, True)
    for maintenance in (False, True)
]
answer = {
    stored.value: {reported.value: redefine_state(stored, reported).value for reported in states}
    for stored in states
}
print(json.dumps({"edge3": __version__, "answer": answer, "report": report}, indent=1))
