"""Scripted faults: what goes wrong on which route, and how often."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from lib.sandbox.wire.responses import Refusal

ALIASES = {"/v2/pals": "/v2/personas", "/v2/faces": "/v2/replicas"}


@dataclass
class Fault:
    """One scripted fault.

    `route` is `METHOD /path`, a glob in which `*` also matches slashes; one spelling of a path covers both
    vocabularies and both trailing slashes. The first fault that matches and has `times` left (-1: always) is played:

    - `delay_s`: seconds of real time before anything else; alone, the request is then served as usual;
    - `drop`: the connection is closed without an answer, `before` or `after` the request was carried out;
    - `truncate`: half of the body is sent, then the connection is closed. The request was carried out unless the
      fault has a status, a body or HTML of its own;
    - `status`, `headers`, `body` (JSON or text): answered instead; `html`: answered with a page of HTML (404 unless
      told). The request is not carried out, except with `act`.
    """

    route: str
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    drop: str | None = None
    truncate: bool = False
    html: bool = False
    act: bool = False
    times: int = 1

    @property
    def answers(self) -> bool:
        """True if it brings an answer of its own."""
        return self.status is not None or self.body is not None or self.html

    @property
    def name(self) -> str:
        """How the log names it: `drop before`, `truncate`, `html`, `status 500`, `delay`."""
        if self.drop:
            return f"drop {self.drop}"
        if self.truncate:
            return "truncate"
        if self.html:
            return "html"
        return f"status {self.status or 200}" if self.answers else "delay"

    def matches(self, method: str, path: str) -> bool:
        return fnmatchcase(f"{method} {_plain(path)}", self.route)


class Faults:
    """The script: a list that is replaced as a whole. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def script(self, given: Any) -> None:
        """Take a list of faults (or one) in place of the present ones; `[]` clears. Raises `Refusal`."""
        faults = [_parsed(one) for one in (given if isinstance(given, list) else [given])]
        with self._lock:
            self._faults = faults

    def take(self, method: str, path: str) -> Fault | None:
        """The fault to play on this request; it is counted."""
        with self._lock:
            for fault in self._faults:
                if fault.times != 0 and fault.matches(method, path):
                    fault.times -= 1 if fault.times > 0 else 0
                    return fault
        return None

    def dump(self) -> list[dict[str, Any]]:
        """The script with the `times` that are left."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]


def _plain(path: str) -> str:
    """The path in the older vocabulary, without a trailing slash."""
    plain = path.rstrip("/") or "/"
    for newer, older in ALIASES.items():
        if plain == newer or plain.startswith(newer + "/"):
            return older + plain.removeprefix(newer)
    return plain


def _parsed(given: Any) -> Fault:
    if not isinstance(given, dict):
        raise Refusal("A fault is a JSON object.")
    names = {one.name for one in fields(Fault)}
    if unknown := set(given) - names:
        raise Refusal(f"Unknown in a fault: {', '.join(sorted(unknown))}. There are {', '.join(sorted(names))}.")
    route = given.get("route")
    if not isinstance(route, str) or " /" not in route:
        raise Refusal('A fault needs a route such as "POST /v2/conversations" or "* /v2/*".')
    fault = Fault(**given)
    _check(fault)
    method, _, path = route.partition(" ")
    fault.route = f"{method.upper()} {_plain(path)}"
    return fault


def _check(fault: Fault) -> None:
    if fault.status is not None and (type(fault.status) is not int or not 200 <= fault.status <= 599):
        raise Refusal("status must be a whole number from 200 to 599.")
    if type(fault.delay_s) not in (int, float) or not 0 <= fault.delay_s <= 600:
        raise Refusal("delay_s must be seconds from 0 to 600.")
    if fault.drop not in (None, "before", "after"):
        raise Refusal('drop must be "before" or "after".')
    if type(fault.times) is not int or fault.times < -1:
        raise Refusal("times must be a whole number; -1 is for ever.")
    if any(type(switch) is not bool for switch in (fault.truncate, fault.html, fault.act)):
        raise Refusal("truncate, html and act must be true or false.")
    if not isinstance(fault.headers, dict) or not all(isinstance(value, str) for value in fault.headers.values()):
        raise Refusal("headers must be an object of strings.")
