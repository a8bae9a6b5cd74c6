"""What the sandbox has seen and sent, kept in memory and bounded: the requests to `/v2`, and its own callbacks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from lib.sandbox.wire.responses import Refusal, parse_json

MAX_ENTRIES = 2000
MAX_BODY = 65_536
UNLOGGED_HEADERS = frozenset({"x-api-key", "authorization", "proxy-authorization", "cookie"})
HIDDEN = "(hidden)"
SECRET_ENDINGS = ("api_key", "apikey", "token", "password", "secret", "credentials", "headers", *UNLOGGED_HEADERS)


class Log:
    """The newest `MAX_ENTRIES` of each kind, oldest first, each with a `seq` that only grows. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seq = 0
        self._requests: deque[dict[str, Any]] = deque(maxlen=MAX_ENTRIES)
        self._callbacks: deque[dict[str, Any]] = deque(maxlen=MAX_ENTRIES)

    def request(self, **entry: Any) -> None:
        """One request: `at` (ISO), method, path, query, status (None: dropped), ms, fault, headers, body."""
        self._add(self._requests, entry)

    def callback(self, **entry: Any) -> None:
        """One callback: `at` (ISO), event_type, conversation_id, status (None: no answer), error, ms."""
        self._add(self._callbacks, entry)

    def read(self, *, kind: str = "request", after: int = 0) -> list[dict[str, Any]]:
        entries = self._callbacks if kind == "callback" else self._requests
        with self._lock:
            return [entry for entry in entries if entry["seq"] > after]

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()
            self._callbacks.clear()

    def _add(self, entries: deque[dict[str, Any]], entry: dict[str, Any]) -> None:
        with self._lock:
            self._seq += 1
            entries.append({"seq": self._seq, **entry})


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of a request without those that are a secret."""
    named = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw)
    return {name: value for name, value in named if name not in UNLOGGED_HEADERS}


def query_of(raw: bytes) -> dict[str, str]:
    """The query without anybody's keys."""
    query = parse_qsl(raw.decode("latin-1"), keep_blank_values=True)
    return {name: HIDDEN if value and _is_secret(name) else value for name, value in query}


def body_of(raw: bytes) -> Any:
    """A body as the log keeps it: JSON without anybody's keys, else text that names none, else its size."""
    if not raw:
        return None
    if len(raw) > MAX_BODY:
        return f"({len(raw)} bytes)"
    try:
        return _masked(parse_json(raw))
    except Refusal:
        text = raw.decode("utf-8", "replace")
        return HIDDEN if any(name in text.lower() for name in SECRET_ENDINGS) else text


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        also = "value" if _names_a_secret(value) else None
        return {
            key: HIDDEN if item and (key == also or _is_secret(key)) else _masked(item) for key, item in value.items()
        }
    return [_masked(item) for item in value] if isinstance(value, list) else value


def _names_a_secret(value: Mapping[str, Any]) -> bool:
    """True for what has its secret under `value`: a step of a patch to a secret field, and the key of a tool."""
    path = value.get("path")
    return (isinstance(path, str) and any(map(_is_secret, path.split("/")))) or value.get("type") == "api_key"


def _is_secret(name: str) -> bool:
    return name.lower().endswith(SECRET_ENDINGS)
