"""Prints what Airflow's own masker makes of the records on stdin, and what it would if it left out nothing."""

import json
import re
import sys

from airflow.sdk._shared.logging.structlog import JWT_PATTERN, redact_jwt
from airflow.sdk._shared.secrets_masker.secrets_masker import DEFAULT_SENSITIVE_FIELDS, SecretsMasker


def masker_of(rules):
    """A masker as `airflow.settings._configure_secrets_masker` makes it."""
    masker = SecretsMasker()
    masker.min_length_to_mask = rules["minLength"]
    masker.hide_sensitive_var_conn_fields = rules["hideSensitiveFields"]
    masker.sensitive_variables_fields = list(
        DEFAULT_SENSITIVE_FIELDS | {name.strip() for name in rules["sensitiveNames"]}
    )
    return masker


def masked(masker, text, token):
    if token:
        text = re.sub(JWT_PATTERN, "eyJ***", text)
    return masker.replacer.sub("***", text) if masker.replacer else text


def closed(masker, value, depth=0):
    """Airflow's own result, with what it leaves: texts below its depth, tokens in objects, numbers and keys."""
    if isinstance(value, str):
        if depth > masker.MAX_RECURSION_DEPTH:
            return masked(masker, value, True)
        return re.sub(JWT_PATTERN, "eyJ***", value) if depth > 1 else value
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        text = masked(masker, str(value), False)
        return value if text == str(value) else text
    if isinstance(value, list):
        return [closed(masker, item, depth + 1) for item in value]
    fields = {}
    for key, item in value.items():
        name = first = masked(masker, key, True)
        while name in fields:
            name = f"{first} ({len(fields) + 1})"
        fields[name] = closed(masker, item, depth + 1)
    return fields


def answer(case):
    masker = masker_of(case["rules"])
    for secret in case["secrets"]:
        if secret["value"]:
            masker.add_mask(secret["value"], secret["name"])
    redacted = masker.redact(redact_jwt(None, "", dict(case["record"])))
    hidden = [secret for secret in case["texts"] if re.escape(secret) in masker.patterns]
    names = {name: masker.should_hide_value_for_key(name) for name in case["names"]}
    return {"redacted": redacted, "closed": closed(masker, redacted), "hidden": hidden, "names": names}


print(json.dumps([answer(case) for case in json.load(sys.stdin)]))
