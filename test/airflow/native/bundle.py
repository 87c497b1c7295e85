"""An executable bundle of Airflow's language protocol: does what the task `ours` of tasks.ts does, in the same order."""

import itertools
import json
import socket
import sys
from datetime import datetime, timezone

import msgspec

addresses = dict(word[2:].split("=", 1) for word in sys.argv[1:])


def connect(address):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)))


comm, logs = connect(addresses["comm"]), connect(addresses["logs"])


def read_exactly(count):
    data = b""
    while len(data) < count:
        part = comm.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def receive():
    return msgspec.msgpack.decode(read_exactly(int.from_bytes(read_exactly(4), "big")))


def send(frame):
    data = msgspec.msgpack.encode(frame)
    comm.sendall(len(data).to_bytes(4, "big") + data)


numbers = itertools.count(1)


def ask(body):
    send([next(numbers), body, None])
    _, answer, error = receive()
    if error:
        raise RuntimeError(error)
    return answer


def now():
    return datetime.now(timezone.utc).isoformat()


def log(event):
    logs.sendall(json.dumps({"event": event, "level": "info", "timestamp": now()}).encode() + b"\n")


_, details, *_ = receive()
ti = details["ti"]
run = {"dag_id": ti["dag_id"], "run_id": ti["run_id"]}

seed = ask({"type": "GetXCom", **run, "task_id": "seed", "key": "return_value", "map_index": -1})["value"]
missing = ask({"type": "GetXCom", **run, "task_id": "seed", "key": "nothing", "map_index": -1})["value"]
greeting = ask({"type": "GetVariable", "key": "native_greeting"})["value"]
host = ask({"type": "GetConnection", "conn_id": "native_connection"})["host"]
log(f"{greeting}, {host}: {missing}")
own = {**run, "task_id": ti["task_id"], "map_index": ti["map_index"]}
ask({"type": "PutVariable", "key": "native_twice", "value": str(seed["n"]), "description": None})
ask({"type": "SetXCom", **own, "key": "doubled", "value": seed["n"] * 2})
ask({"type": "SetRenderedFields", "rendered_fields": {"n": seed["n"]}})
ask({"type": "SetXCom", **own, "key": "return_value", "value": seed, "mapped_length": len(seed)})
ask({"type": "SucceedTask", "state": "success", "end_date": now(), "task_outlets": [], "outlet_events": []})
logs.close()
comm.close()
