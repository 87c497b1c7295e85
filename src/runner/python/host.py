"""The Python host: imports Airflow once and forks a process for each job; `--once` runs one job and ends.

Python 3.9 or newer, standard library only until Airflow is imported. One thread: a fork of a process with
threads may deadlock. It serves a unix socket in a private folder (mode 0700: who may open it may use it), one
line of JSON a message. What a job leaves lies in the job's own folder, so that host and worker may die at any time:

  FOLDER/workload*.json  the workload with its token (0600); renamed by who starts the job, removed by its process
  FOLDER/pid             {"pid", "start", "boot"} of the job's process, written before anything of the job runs
  FOLDER/exit            {"code", "task_signal"?} or {"signal"}, written by the process as its last act, or by the host for it
  FOLDER/stdout, stderr  what the process printed outside of the task's log

Requests:  {"id", "op": "start", "job", "folder", "workload"}   {"id", "op": "list"}   {"id", "op": "retire"}
Answers:   {"id", "ok": true, ...}   {"id", "ok": false, "error"}
Events:    {"event": "ready", "pid", "threads"}   {"event": "ended", "job", "code" | "signal"}
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import gc
import json
import os
import resource
import selectors
import signal
import socket
import sys
import time
import traceback

from edge_host_files import claim, identity, log, signal_name, write_by_rename
from edge_host_jobs import load_jobs, once, run_job

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
MAX_UNSENT = 4 * 1024 * 1024


def forbid_core_dumps():
    """A core holds the tokens of its process. One byte: nothing is written, nor, unlike with 0, piped to a handler."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    limit = 1 if hard == resource.RLIM_INFINITY else min(1, hard)
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))


class Client:
    def __init__(self, connection):
        self.connection = connection
        self.received = b""
        self.unsent = b""


class Host:
    def __init__(self, options):
        self.options = options
        self.running = {}  # pid -> (job, folder)
        self.clients = {}
        self.retired = False
        self.idle_since = time.monotonic()
        self.jobs = None
        self.ready = None
        self.selector = selectors.DefaultSelector()

    # The socket exists before Airflow is imported: who connects early waits in its queue, without polling.
    def listen(self):
        here = os.getcwd()
        os.chdir(self.options.folder)  # a relative name: an absolute one may be longer than a unix socket allows
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(FileNotFoundError):
            os.unlink("socket")
        self.listener.bind("socket")
        self.listener.listen(64)
        self.listener.setblocking(False)
        with contextlib.suppress(OSError):
            os.chdir(here)

    def prepare(self):
        gc.disable()  # no collection between import and freeze: it would leave holes that each job then fills
        self.jobs = load_jobs(self.options.runner, True)
        gc.freeze()
        threads = len(os.listdir("/proc/self/task"))
        if threads > 1:
            log(f"{threads} threads run after the imports; a fork may deadlock. Look for what starts them (traces?)")
        self.ready = {"event": "ready", "pid": os.getpid(), "threads": threads}

    def serve(self):
        self.wake_read, self.wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self.on_term)
        for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(ignored, signal.SIG_IGN)
        self.idle_since = time.monotonic()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(self.wake_read, selectors.EVENT_READ)
        while True:
            self.reap()
            if not self.running:
                left = self.options.idle - (time.monotonic() - self.idle_since)
                if self.retired or left <= 0:
                    break
            events = self.selector.select(None if self.running else max(0.0, left))
            for key, mask in events:
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj == self.wake_read:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wake_read, 4096)
                else:
                    client = self.clients.get(key.fileobj)
                    if client and mask & selectors.EVENT_WRITE:
                        self.flush(client)
                    if client and mask & selectors.EVENT_READ:
                        self.receive(client)
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self.options.folder, "socket"))
        log("no jobs are left, ending" if self.retired else "idle, ending")

    def on_term(self, *_):
        self.retired = True

    def accept(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        client = Client(connection)
        self.clients[connection] = client
        self.selector.register(connection, selectors.EVENT_READ)
        self.send(client, self.ready)

    def drop(self, client):
        if self.clients.pop(client.connection, None):
            self.selector.unregister(client.connection)
            client.connection.close()

    def send(self, client, message):
        client.unsent += json.dumps(message).encode() + b"\n"
        self.flush(client)

    def flush(self, client):
        if client.connection not in self.clients:
            return
        try:
            while client.unsent:
                client.unsent = client.unsent[client.connection.send(client.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            return self.drop(client)
        if len(client.unsent) > MAX_UNSENT:
            return self.drop(client)
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
        self.selector.modify(client.connection, wanted)

    def receive(self, client):
        try:
            data = client.connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            return self.drop(client)
        client.received += data
        *lines, client.received = client.received.split(b"\n")
        for line in lines:
            request = {}
            try:
                request = json.loads(line)
                answer = {"id": request.get("id"), "ok": True, **self.answer(request)}
            except Exception as error:
                answer = {"id": request.get("id"), "ok": False, "error": f"{type(error).__name__}: {error}"}
            self.send(client, answer)

    def answer(self, request):
        if request["op"] == "start":
            return self.start(request["job"], request["folder"], request["workload"])
        if request["op"] == "list":
            jobs = [{"job": job, "pid": pid, "folder": folder} for pid, (job, folder) in self.running.items()]
            return {"jobs": jobs, "retired": self.retired}
        if request["op"] == "retire":
            self.retired = True
            return {}
        raise ValueError(f"unknown op {request['op']!r}")

    def start(self, job, folder, workload):
        if self.retired:
            raise RuntimeError("this host is retired")
        self.jobs.before_fork()
        stdout = os.open(os.path.join(folder, "stdout"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        stderr = os.open(os.path.join(folder, "stderr"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        claimed = claim(folder, workload)
        # The child waits for one byte, sent after its pid is on disk: if this host dies in between, nothing runs.
        go_read, go_write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self.child(job, folder, claimed, stdout, stderr, go_read, go_write)
        os.close(go_read)
        os.close(stdout)
        os.close(stderr)
        try:
            process = identity(pid)
            write_by_rename(folder, "pid", process)
            self.running[pid] = (job, folder)
            os.write(go_write, b"g")
        finally:
            os.close(go_write)
        return process

    def child(self, job, folder, claimed, stdout, stderr, go_read, go_write):
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
                signal.signal(number, signal.SIG_DFL)
            for number in (signal.SIGUSR1, signal.SIGUSR2):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            os.close(go_write)
            os.dup2(stdout, 1)
            os.dup2(stderr, 2)
            go = os.read(go_read, 1)
            for fd in (stdout, stderr, go_read, self.wake_read, self.wake_write):
                os.close(fd)
            self.selector.close()
            self.listener.close()
            for connection in self.clients:
                connection.close()
            if go != b"g":
                os._exit(1)
            self.running, self.clients = {}, {}
            gc.enable()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        run_job(self.jobs, folder, claimed, job)

    def reap(self):
        """Collects every ended child: jobs, and what was left behind by them and came to us as the subreaper."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid not in self.running:
                continue
            job, folder = self.running.pop(pid)
            self.idle_since = time.monotonic()
            code = os.waitstatus_to_exitcode(status)
            end = {"code": code} if code >= 0 else {"signal": signal_name(-code)}
            with contextlib.suppress(OSError):
                if not os.path.exists(os.path.join(folder, "exit")):
                    write_by_rename(folder, "exit", end)
            for client in list(self.clients.values()):
                self.send(client, {"event": "ended", "job": job, **end})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--once", action="store_true", help="run one job in this interpreter")
    parser.add_argument("--folder", required=True, help="of the host, or of the job with --once")
    parser.add_argument("--runner", default="airflow", help="airflow, or MODULE:CLASS for tests")
    parser.add_argument("--workload", default="workload.json", help="with --once: the file's name in the folder")
    parser.add_argument("--job", default="", help="with --once: the job's id, its mark")
    parser.add_argument("--core-dumps", action="store_true", help="leave the limit for core dumps as it is")
    parser.add_argument("--idle", type=float, default=600.0, help="seconds without a job after which the host ends")
    options = parser.parse_args()
    if not options.core_dumps:
        forbid_core_dumps()
    # The folder of this file must not shadow modules (Python adds it unless it is told not to).
    if sys.path and os.path.realpath(sys.path[0] or ".") == os.path.dirname(os.path.realpath(__file__)):
        del sys.path[0]
    if options.once:
        once(options)
    try:
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            log(f"cannot become a subreaper: {errno.errorcode.get(ctypes.get_errno())}")
    except (OSError, AttributeError) as error:
        log(f"cannot become a subreaper: {error}")
    host = Host(options)
    host.listen()
    host.prepare()
    host.serve()


if __name__ == "__main__":
    main()
