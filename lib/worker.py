"""What a worker and whoever started it say to each other: one JSON object a line, events out, commands in.

The first line in is the plan, with its secrets: they are never in the command line or the environment, which others on
the machine can read. Windows has no signal that a process could tidy up on, so an end is a line, or the end of input.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

BEAT_EVERY_S = 5.0


class Event(StrEnum):
    """What a worker tells. Each line has `event` and what is named here.

    `conversation`: `id` and `url` of the Tavus conversation, the moment it exists: it is billed from then on.
    `turn`: `role` (user or assistant) and `text`. `error`: `code`, `message` and, where Tavus or Daily answered,
    `status` and `body`. `ask`: `id` and `turns`, answered by the command `answer`. `described`: `id`, `sdp`, `type`.
    """

    STARTING = "starting"
    ROOM = "room_joined"
    CONVERSATION = "conversation"
    REPLICA = "replica_joined"
    TURN = "turn"
    ASK = "ask"
    DESCRIBED = "described"
    BEAT = "beat"
    ERROR = "error"
    ENDED = "ended"


class Command(StrEnum):
    """What a worker is told.

    `stop`. `say`: `text` that was typed. `answer`: `id` and `text`. `offer`: `id`, `sdp` and `type` of a browser.
    """

    STOP = "stop"
    SAY = "say"
    ANSWER = "answer"
    OFFER = "offer"


@dataclass(frozen=True)
class Service:
    """One speech or language service: its `kind`, key and choices; "" is the service's own default."""

    kind: str
    key: str = field(default="", repr=False)
    base_url: str = ""
    model: str = ""
    voice: str = ""


@dataclass(frozen=True)
class Plan:
    """All that a worker needs to know. `transport` is `daily` or `rtc` (a browser of this machine, on the sandbox).

    Times are seconds. `room_token` and the keys are secrets.
    """

    session_id: str
    name: str
    transport: str
    tavus_base_url: str
    tavus_key: str = field(repr=False)
    replica_id: str
    max_call_s: int
    absent_s: int
    left_s: int
    replica_within_s: float
    system_prompt: str = ""
    greeting: str = ""
    language: str = ""
    room_url: str = ""
    room_token: str = field(default="", repr=False)
    callback_url: str = field(default="", repr=False)
    stt: Service = Service("none")
    llm: Service = Service("parent")
    tts: Service = Service("none")

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def parse(cls, line: str) -> Plan:
        """Raises ValueError for what is no plan."""
        given = json.loads(line)
        if not isinstance(given, dict) or set(given) - {known.name for known in fields(cls)}:
            raise ValueError("not a plan")
        services = {name: Service(**given[name]) for name in ("stt", "llm", "tts") if name in given}
        return cls(**{**given, **services})


def line_of(kind: Event | Command, values: Mapping[str, Any]) -> str:
    """One line. Control characters in texts are escaped, so that no value can end it early."""
    key = "event" if isinstance(kind, Event) else "command"
    return json.dumps({key: kind.value, **values}) + "\n"


def parsed(line: str) -> dict[str, Any]:
    """The object of a line; {} for what is none, such as a library's own print."""
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
