"""What schemathesis cannot know: how a worker signs (with the secret in FUZZ_SECRET), and names that lead somewhere."""

import base64
import hashlib
import hmac
import json
import os
import time
import uuid
from urllib.parse import unquote

import requests
import schemathesis

PREFIX = "/edge_worker/v1/"


def _part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def method_of(url):
    """The path after the prefix as the server sees it: decoded, with ? # \\ written as %3F %23 %5C."""
    path = url.split("://", 1)[-1].partition("/")[2].partition("?")[0].partition("#")[0]
    path = f"/{path}"
    at = path.find(PREFIX)
    decoded = unquote(path[at + len(PREFIX) :] if at >= 0 else path)
    for character, written in (("?", "%3F"), ("#", "%23"), ("\\", "%5C")):
        decoded = decoded.replace(character, written)
    return decoded


def token(method):
    now = int(time.time())
    claims = {"jti": uuid.uuid4().hex, "aud": "api", "iat": now, "nbf": now, "exp": now + 10, "method": method}
    head = _part(json.dumps({"alg": "HS512", "typ": "JWT"}).encode())
    body = _part(json.dumps(claims).encode())
    text = head + b"." + body
    secret = os.environ["FUZZ_SECRET"].encode()
    return (text + b"." + _part(hmac.new(secret, text, hashlib.sha512).digest())).decode()


class Sign(requests.auth.AuthBase):
    """Sees the request as it goes out, so that the path is the one that the server gets."""

    def __call__(self, request):
        request.headers["Authorization"] = token(method_of(request.url))
        return request


if "FUZZ_SECRET" in os.environ:
    schemathesis.auth.set_from_requests(Sign())

KNOWN = {"worker_name": "w", "dag_id": "dag", "task_id": "task", "run_id": "run", "try_number": 1, "map_index": -1}
seen = 0


def _every_other():
    global seen
    seen += 1
    return seen % 2 == 0


def _known(given):
    return {name: KNOWN[name] if name in KNOWN else value for name, value in given.items()}


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Half of the requests are about the same worker and the same job, or none would be there."""
    return _known(path_parameters) if path_parameters and _every_other() else path_parameters


@schemathesis.hook
def map_body(context, body):
    """A worker has the versions of the central, or it is refused for that alone."""
    if not isinstance(body, dict) or not _every_other():
        return body
    if isinstance(body.get("sysinfo"), dict):
        return {**body, "sysinfo": {**body["sysinfo"], "airflow_version": "3.3.2", "edge_provider_version": "5.1.0"}}
    return _known(body)
