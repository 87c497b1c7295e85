"""edge_host_files: what host and worker leave each other in a job's folder, and who a process is."""

from __future__ import annotations

import json
import os
import signal
import sys
import time


def log(message):
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(f"{stamp} python host {os.getpid()}: {message}", file=sys.stderr, flush=True)


def identity(pid):
    """A process for ever: its pid, its start in clock ticks since boot (field 22 of its stat), and the boot."""
    with open(f"/proc/{pid}/stat", "rb") as stat:
        ticks = stat.read().rpartition(b")")[2].split()[19].decode()
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:
        return {"pid": pid, "start": ticks, "boot": boot.read().strip()}


def write_by_rename(folder, name, value):
    temporary = os.path.join(folder, f".{name}.{os.getpid()}")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.rename(temporary, os.path.join(folder, name))


def claim(folder, workload):
    """Whoever renames the workload starts the job; the others find it gone (FileNotFoundError)."""
    claimed = os.path.join(folder, "workload.claimed")
    os.rename(os.path.join(folder, workload), claimed)
    return claimed


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
