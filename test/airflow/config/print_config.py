"""Prints, as JSON, what Airflow's own configuration returns for the cases on stdin; one process for all of them."""

import json
import math
import os
import pathlib
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")

from airflow import configuration  # noqa: E402  (the filter must stand before it)

# Airflow asks the backend that the environment names at the time of the question.
KEPT = {name: os.environ[name] for name in ("PATH", "AIRFLOW__SECRETS__BACKEND")}


def ask(parser, query):
    """One lookup: its value, or the reason why there is none."""
    method = getattr(parser, query.get("method", "get"))
    team = {"team_name": query["team"]} if query.get("team") else {}
    try:
        value = method(query["section"], query["key"], suppress_warnings=True, **team)
        # Infinity and NaN are refused by ours on purpose, and JSON cannot hold them.
        if isinstance(value, float) and not math.isfinite(value):
            return {"error": "not finite"}
        return {"value": value}
    except Exception as error:  # every kind counts as a refusal
        if str(error).endswith("not found in config"):
            return {"missing": True}
        return {"error": type(error).__name__}


def load(case, folder):
    """A parser for one case, made as `airflow.configuration` makes its own when it is imported."""
    os.environ.clear()
    os.environ.update({**KEPT, **case["env"]})
    path = pathlib.Path(folder) / "airflow.cfg"
    path.write_bytes(case["file"].encode("utf-8"))
    os.environ["AIRFLOW_CONFIG"] = str(path)
    configuration.AIRFLOW_HOME = configuration.get_airflow_home()
    configuration.AIRFLOW_CONFIG = configuration.get_airflow_config(configuration.AIRFLOW_HOME)
    parser = configuration.AirflowConfigParser()
    configuration.load_standard_airflow_configuration(parser)
    return parser


def run(case, folder):
    """All answers of one case, or the error that its file ends in."""
    try:
        parser = load(case, folder)
    except Exception as error:
        return {"error": type(error).__name__, "text": str(error)}
    return {
        "home": configuration.AIRFLOW_HOME,
        "answers": [ask(parser, query) for query in case["queries"]],
    }


def main():
    cases = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        answers = [run(case, folder) for case in cases]
    print("\n" + json.dumps(answers))


main()
