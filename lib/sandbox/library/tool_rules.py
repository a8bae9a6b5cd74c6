"""What a tool may look like (https://docs.tavus.io/api-reference/tools/create-tool)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from lib.sandbox.state import Row
from lib.sandbox.wire import fields
from lib.sandbox.wire.responses import Refusal

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
MAX_SIZE, MAX_TIMEOUT_S = 10_000, 60
ORIGINS = ("llm", "vision", "audio")
ON_CALL = ("generate_filler", "static_filler", "silent", "passthrough")
ON_RESOLVE = ("generate_response", "response_in_result", "add_to_context", "fire_and_forget")
SECRETS = ("token", "password", "value", "secret", "client_secret")
SCRUBBED = "*" * 8
"""What a read shows in a secret's place."""

DEFAULTS: Row = {
    "parameters": {},
    "delivery": {"app_message": True},
    "trigger_type": "in_call",
    "origin": "llm",
    "on_resolve": "fire_and_forget",
    "tags": [],
}


def checked(given: Row) -> Row:
    """The tool with its defaults. Raises `Refusal` (400) with the first thing that is wrong."""
    row = fields.filled(given, DEFAULTS)
    fields.needed(row, "name")
    if not NAME.fullmatch(row["name"]):
        raise Refusal("name must be 1 to 64 letters, digits and underscores and not begin with a digit.")
    fields.needed(row, "description")
    fields.objects(row, ("parameters", "delivery"))
    if len(row["description"]) + len(json.dumps(row["parameters"])) > MAX_SIZE:
        raise Refusal(f"description and parameters may have at most {MAX_SIZE} characters together.")
    fields.choice(row, "trigger_type", ("in_call", "post_call"))
    fields.choice(row, "origin", ORIGINS)
    fields.choice(row, "on_call", ON_CALL)
    fields.choice(row, "on_resolve", ON_RESOLVE)
    fields.texts(row, ("static_filler",))
    fields.text_list(row, "tags")
    if row.get("on_call") == "static_filler" and not row.get("static_filler"):
        raise Refusal("static_filler is required when on_call is static_filler.")
    _check_delivery(row["delivery"])
    return row


def scrubbed(row: Row) -> Row:
    """The tool as it is read: whoever asks does not learn its secrets."""
    api = row["delivery"].get("api")
    if not isinstance(api, dict) or not isinstance(api.get("auth"), dict):
        return row
    auth = {name: SCRUBBED if name in SECRETS and value else value for name, value in api["auth"].items()}
    return {**row, "delivery": {**row["delivery"], "api": {**api, "auth": auth}}}


def with_secrets(delivery: Any, before: Row) -> Any:
    """A new delivery with the secret of the one before, where it is of the same kind and names none."""
    old, new = _auth(before), _auth(delivery)
    if not old or not new or old.get("type") != new.get("type"):
        return delivery
    kept = {name: old[name] for name in SECRETS if name in old and name not in new}
    return {**delivery, "api": {**delivery["api"], "auth": {**new, **kept}}}


def _auth(delivery: Any) -> Mapping[str, Any]:
    api = delivery.get("api") if isinstance(delivery, dict) else None
    auth = api.get("auth") if isinstance(api, dict) else None
    return auth if isinstance(auth, dict) else {}


def _check_delivery(delivery: Row) -> None:
    api = delivery.get("api")
    if (delivery.get("app_message") is True) == (api is not None):
        raise Refusal("delivery must have exactly one of app_message and api.")
    if api is None:
        return
    if not isinstance(api, dict) or not str(api.get("url")).lower().startswith("https://"):
        raise Refusal("delivery.api.url must be https://")
    timeout = api.get("timeout", 10)
    if type(timeout) not in (int, float) or not 0 < timeout <= MAX_TIMEOUT_S:
        raise Refusal(f"delivery.api.timeout must be seconds up to {MAX_TIMEOUT_S}.")
    if any(_auth(delivery).get(name) == SCRUBBED for name in SECRETS):
        raise Refusal("delivery.api.auth holds the sign that reads show for a secret; leave it out to keep the secret.")
