"""A callback as it came, read once: what it says it is, and what of it may be kept.

Tavus's callbacks are unsigned (https://docs.tavus.io/sections/webhooks-and-callbacks), so nothing in one is believed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from lib.errors import BadInput
from lib.redaction import Redaction

KEPT_LIMIT = 64_000
"""Characters of a body that are kept: fewer than are looked at for secrets, so that no half of one is left."""


@dataclass(frozen=True)
class Callback:
    """`body` is JSON without secrets, cut to KEPT_LIMIT; `size` what came, in bytes. Equal ones have equal digests."""

    session_id: str
    at: datetime
    event_type: str
    conversation_id: str
    body: str
    size: int
    digest: str


def read(session_id: str, raw: bytes, at: datetime, redaction: Redaction) -> Callback:
    """Raises BadInput for what is not a JSON object in UTF-8, or nests too deeply."""
    value = load(raw)
    if not isinstance(value, dict):
        raise BadInput("A callback is a JSON object.", code="no_object")
    clean = redaction.value(value)
    # The order of keys and the blanks between them make no other callback of it.
    whole = json.dumps([session_id, value], sort_keys=True, separators=(",", ":"))
    return Callback(
        session_id=session_id,
        at=at,
        event_type=_word(clean.get("event_type")),
        conversation_id=_word(clean.get("conversation_id")),
        body=as_kept(clean),
        size=len(raw),
        digest=hashlib.sha256(whole.encode()).hexdigest(),
    )


def load(raw: bytes) -> object:
    """Raises BadInput; a body that nests too deeply for Python is one."""
    try:
        return _STRICT.decode(raw.decode())
    except (ValueError, RecursionError):
        raise BadInput("The body is not JSON.", hint="Send a JSON body in UTF-8.", code="no_json") from None


def as_kept(clean: object) -> str:
    """JSON in one line, as long as it may be."""
    return json.dumps(clean, ensure_ascii=False, separators=(",", ":"))[:KEPT_LIMIT]


def is_whole(body: str) -> bool:
    """True for a body that was not cut when it was kept."""
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


_STRICT = json.JSONDecoder(parse_constant=_no_number)
