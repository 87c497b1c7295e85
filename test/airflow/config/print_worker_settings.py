"""Prints, as JSON, the settings that edge3's own worker has in this environment."""

import json
import sys

sys.argv = ["airflow", "edge", "worker"]

from airflow.configuration import conf  # noqa: E402
from airflow.providers.edge3.cli import api_client  # noqa: E402
from airflow.providers.edge3.cli.worker import EdgeWorker  # noqa: E402

worker = EdgeWorker(
    pid_file_path="unused", hostname="unused", queues=None, concurrency=1, daemon=False, team_name=None
)
token = api_client.jwt_generator()

print(
    "\n"
    + json.dumps(
        {
            "apiUrl": conf.get("edge", "api_url"),
            "executionApiUrl": worker._execution_api_server_url,
            "jwtSecret": conf.get("api_auth", "jwt_secret"),
            "jwtLeeway": token.valid_for,
            "jwtIssuer": token.issuer,
            "concurrency": conf.getint("edge", "worker_concurrency", fallback=8),
            "jobPollInterval": worker.job_poll_interval,
            "heartbeatInterval": worker.hb_interval,
            "drainTimeout": max(0, worker.drain_timeout_sec),
            "drainKillGrace": worker.drain_kill_grace_sec,
            "baseLogFolder": worker.base_log_folder,
            "pushLogs": worker.push_logs,
            "pushLogChunkSize": worker.push_log_chunk_size,
            "automaticMaintenanceOn": worker.automatic_maintenance_on,
            "automaticMaintenanceExit": worker.automatic_maintenance_exit,
            "apiRetries": api_client.API_RETRIES,
            "apiRetryWaitMin": api_client.API_RETRY_WAIT_MIN,
            "apiRetryWaitMax": api_client.API_RETRY_WAIT_MAX,
        }
    )
)
