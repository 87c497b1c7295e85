"""edge_host_jobs: what runs a workload: the installed Airflow's supervisor, in the job's own process."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback

from edge_host_files import claim, identity, signal_name, write_by_rename

MARK = "EDGE_WORKER_JOB"

# All that a forked supervisor and its task would otherwise import themselves, found by comparing sys.modules of
# a host with that of its jobs (Airflow 3.3.2). None is code of the user. What is missing is left out.
PRELOAD = """
setproctitle jinja2.ext tabulate libcst.native
airflow.sdk.execution_time.supervisor airflow.sdk.execution_time.task_runner
airflow.sdk.execution_time.callback_supervisor airflow.sdk._shared.logging.remote airflow.sdk._shared.logging.factory
airflow.sdk.definitions.connection airflow.sdk.definitions.decorators airflow.sdk.definitions.asset.metadata
airflow.dag_processing.dagbag airflow.dag_processing.bundles.local airflow.dag_processing.bundles.manager
airflow.serialization.serialized_objects airflow.version
airflow.providers.standard.operators.bash airflow.providers.standard.operators.python
airflow.providers.standard.decorators.python airflow.providers.standard.decorators.bash
airflow.providers.standard.decorators.stub
airflow.providers.edge3.cli.worker airflow.providers.edge3.models.db airflow.providers.edge3.models.edge_job
airflow.providers.edge3.models.edge_logs airflow.providers.edge3.models.edge_worker
""".split()


class AirflowJobs:
    """Runs workloads through the supervisor of the installed Airflow."""

    def __init__(self, preload):
        from airflow.executors import workloads
        from airflow.executors.base_executor import BaseExecutor
        from pydantic import TypeAdapter

        self.run_workload = BaseExecutor.run_workload
        self.decode = TypeAdapter(workloads.All).validate_json
        self.certificates = None
        if preload:
            for name in PRELOAD:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
            self.before_fork()

    def before_fork(self):
        """Fills the Execution API client's cache of its TLS context, and again where a certificate has changed."""
        with contextlib.suppress(Exception):
            import ssl

            import certifi
            from airflow.sdk.api import client

            system = ssl.get_default_verify_paths()
            paths = [client.API_SSL_CA_FILE_PATH, client.API_SSL_CERT_PATH, certifi.where()]
            paths += [system.cafile, system.capath, system.openssl_cafile, system.openssl_capath]
            seen = []
            for path in paths:
                try:
                    stat = os.stat(path)
                    seen.append((path, stat.st_mtime_ns, stat.st_size, stat.st_ino))
                except (OSError, TypeError):
                    seen.append((path, None))
            if seen != self.certificates:
                self.certificates = seen
                cached = client.Client._get_ssl_context_cached
                cached.cache_clear()
                cached(client.API_SSL_CA_FILE_PATH, client.API_SSL_CERT_PATH)

    def run(self, data):
        return self.run_workload(self.decode(data), server=os.environ.get("AIRFLOW__CORE__EXECUTION_API_SERVER_URL"))


def load_jobs(name, preload):
    if name == "airflow":
        return AirflowJobs(preload)
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)(preload)


def run_job(jobs, folder, claimed, mark):
    """Runs a claimed workload in this process, which is the job's own, and never returns."""
    code = 1
    try:
        os.environ[MARK] = mark
        with open(claimed, "rb") as file:
            data = file.read()
        os.unlink(claimed)
        try:
            from setproctitle import setproctitle

            setproctitle(f"airflow supervisor: {mark}")
        except ImportError:
            pass
        code = jobs.run(data)
        code = 0 if code is None else int(code)
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else 0 if exit_.code is None else 1
        if code == 1 and exit_.code not in (1, None):
            print(exit_.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        # A negative code is the signal that ended the task's process; the supervisor lives on to say so.
        end = {"code": code} if code >= 0 else {"code": code & 255, "task_signal": signal_name(-code)}
        with contextlib.suppress(Exception):
            write_by_rename(folder, "exit", end)
        os._exit(code & 255)


def once(options):
    """One job in this interpreter."""
    try:
        claimed = claim(options.folder, options.workload)
        write_by_rename(options.folder, "pid", identity(os.getpid()))
    except FileNotFoundError:
        sys.exit("the workload is gone: another process has started this job")
    try:
        jobs = load_jobs(options.runner, False)
    except BaseException:
        traceback.print_exc()
        with contextlib.suppress(OSError):
            os.unlink(claimed)
        write_by_rename(options.folder, "exit", {"code": 1})
        os._exit(1)
    run_job(jobs, options.folder, claimed, options.job)
