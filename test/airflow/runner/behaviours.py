"""The jobs of test/suites/runner.ts, run by the Python host in the place of Airflow."""

import json
import os
import signal
import subprocess
import sys
import time

from pathlib import Path


class Behaviours:
    def __init__(self, preload):
        if os.environ.get("BEHAVIOURS_FAIL") and preload:
            raise ImportError("no module named airflow_of_this_test")

    def before_fork(self):
        pass

    def run(self, data):
        command = json.loads(data)
        scratch = Path(command["dag_rel_path"])
        return getattr(self, command["ti"]["task_id"].replace("-", "_"))(scratch)

    def ok(self, scratch):
        return 0

    def exit_3(self, scratch):
        sys.stderr.buffer.write(b"leaving\xff\n")
        return 3

    def task_killed(self, scratch):
        return -signal.SIGKILL  # what Airflow's supervisor returns then

    def crash(self, scratch):
        os.kill(os.getpid(), signal.SIGKILL)

    def polite(self, scratch):
        def leave(*_):
            raise SystemExit(7)

        signal.signal(signal.SIGTERM, leave)
        (scratch / "ready").write_text("yes")
        while True:
            time.sleep(1)

    def wait(self, scratch):
        (scratch / "ready").write_text(str(os.getpid()))
        while not (scratch / "go").exists():
            time.sleep(0.01)
        return 0

    def tree(self, scratch):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        grandchild = subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], start_new_session=True)
        (scratch / "written").write_text(str(grandchild.pid))
        (scratch / "written").rename(scratch / "grandchild")
        while True:
            time.sleep(1)

    def orphans(self, scratch):
        """A daemon without its mark in sight: forked twice, never replaced, in the session of its job."""
        if os.fork() == 0:
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                (scratch / "written").write_text(str(os.getpid()))
                (scratch / "written").rename(scratch / "orphan")
                while True:
                    time.sleep(1)
            os._exit(0)
        os.wait()
        while True:
            time.sleep(1)

    def environment(self, scratch):
        (scratch / "environment").write_text(json.dumps(dict(os.environ)))
        return 0


class Traced:
    """Airflow's own supervisor; afterwards `seen` tells what it had to import and which secret it could read."""

    def __init__(self, preload):
        self.airflow = sys.modules["__main__"].AirflowJobs(preload)

    def before_fork(self):
        self.airflow.before_fork()

    def run(self, data):
        before = set(sys.modules)
        try:
            return self.airflow.run(data)
        finally:
            imported = sorted(set(sys.modules) - before)
            from airflow.configuration import conf

            seen = {"imported": imported, "jwt_secret": conf.get("api_auth", "jwt_secret")}
            (Path(json.loads(data)["dag_rel_path"]) / "seen").write_text(json.dumps(seen))
