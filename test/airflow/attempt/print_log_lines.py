"""Prints the log that Airflow's own supervisor writes for the lines on stdin: of the task's library, and of its output."""

import io
import json
import logging
import os
import sys

import structlog

from airflow.logging_config import configure_logging
from airflow.sdk._shared.secrets_masker import _secrets_masker
from airflow.sdk.execution_time.supervisor import forward_to_log, process_log_messages_from_subprocess, reconfigure_logger
from airflow.sdk.log import logging_processors

given = json.load(sys.stdin)

configure_logging()
for secret in given["secrets"]:
    _secrets_masker().add_mask(secret)

out = io.BytesIO()
# as `_configure_logging` makes it
logger = structlog.wrap_logger(
    structlog.BytesLogger(out), processors=logging_processors(json_output=True), logger_name="task"
).bind()

log = process_log_messages_from_subprocess((logger,))
streams = {
    name: forward_to_log(
        (reconfigure_logger(logger, structlog.processors.CallsiteParameterAdder),), logger=f"task.{name}", level=level
    )
    for name, level in (("stdout", logging.INFO), ("stderr", logging.ERROR))
}
for generator in (log, *streams.values()):
    next(generator)

answers = []
for line in given["lines"]:
    before = len(out.getvalue())
    target = streams.get(line.get("stream"), log)
    target.send((line["line"] + "\n").encode() if "stream" in line else json.dumps(line["event"]).encode())
    answers.append(out.getvalue()[before:].decode())

# Nothing that Airflow logs may come after it.
sys.stdout.write("\n" + json.dumps(answers) + "\n")
sys.stdout.flush()
os._exit(0)
