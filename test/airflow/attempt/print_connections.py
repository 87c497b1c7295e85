"""Prints the connections that Airflow's own environment backend reads from the variables on stdin."""

import json
import os
import sys
import warnings

warnings.simplefilter("ignore")

from airflow.sdk.definitions.connection import Connection  # noqa: E402  (the filter must stand before it)
from airflow.secrets.environment_variables import EnvironmentVariablesBackend  # noqa: E402

FIELDS = ("conn_type", "host", "schema", "login", "password", "port", "extra")

backend = EnvironmentVariablesBackend()
backend._set_connection_class(Connection)


def read(value):
    os.environ["AIRFLOW_CONN_C"] = value
    try:
        connection = backend.get_connection("c")
    except Exception as error:  # every kind sends Airflow on to the next backend
        return {"error": f"{type(error).__name__}: {error}"}
    if connection is None:
        return None
    return {name: getattr(connection, name) for name in FIELDS}


print(json.dumps([read(value) for value in json.load(sys.stdin)]))
