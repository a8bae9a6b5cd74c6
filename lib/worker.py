"""What a worker and whoever started it say to each other: one JSON object a line, events out, commands in.

The first line in is the plan, with its secrets: they are never in the command line or the environment, which others on
the machine can read. Windows has no signal that a process could tidy up on, so an end is a line, or the end of input.

In a cluster there is no line in. The plan is a variable without secrets, each secret is a variable that the cluster
fills in, and an end is SIGTERM.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

BEAT_EVERY_S = 5.0

PLAN, TAVUS_KEY, TAVUS_PRINT = "GREENROOM_PLAN", "TAVUS_API_KEY", "GREENROOM_TAVUS_PRINT"
ROOM_TOKEN, CALLBACK_URL = "GREENROOM_ROOM_TOKEN", "GREENROOM_CALLBACK_URL"
KEY_OF = {
    "deepgram": "DEEPGRAM_API_KEY",
    "openai": "CHAT_API_KEY",
    "cartesia": "CARTESIA_API_KEY",
    "elevenlabs": "ELEVENLABS_API_KEY",
}
"""The variable that holds the key of each kind of service."""


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
class WorkerPlan:
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
    def parse(cls, line: str) -> WorkerPlan:
        """Raises ValueError for what is no plan."""
        given = json.loads(line)
        if not isinstance(given, dict) or set(given) - {known.name for known in fields(cls)}:
            raise ValueError("not a plan")
        services = {name: Service(**given[name]) for name in ("stt", "llm", "tts") if name in given}
        return cls(**{**given, **services})

    def variables(self) -> dict[str, str]:
        """What of it goes into a worker's environment as it is: no secret, and nothing that Kubernetes would expand.

        `$(NAME)` in a value is replaced by the variable of that name, which may be a secret, and a person's prompt is
        sent to a language model.
        """
        bare = replace(
            self,
            tavus_key="",
            room_token="",
            callback_url="",
            stt=replace(self.stt, key=""),
            llm=replace(self.llm, key=""),
            tts=replace(self.tts, key=""),
        )
        return {PLAN: json.dumps(asdict(bare)).replace("$", "\\u0024"), TAVUS_PRINT: print_of(self.tavus_key)}

    @property
    def own_secrets(self) -> dict[str, str]:
        """The secrets of this call alone, by their variables."""
        return {
            name: value for name, value in ((ROOM_TOKEN, self.room_token), (CALLBACK_URL, self.callback_url)) if value
        }

    @classmethod
    def from_variables(cls, environ: Mapping[str, str]) -> WorkerPlan:
        """Put together again. Raises ValueError for what is no plan, PermissionError for the key of another account."""
        bare = cls.parse(environ[PLAN])
        # Whoever makes a Secret by hand leaves the end of a line in it.
        secret = {
            name: environ.get(name, "").strip() for name in (TAVUS_KEY, ROOM_TOKEN, CALLBACK_URL, *KEY_OF.values())
        }
        if environ.get(TAVUS_PRINT, "") != print_of(secret[TAVUS_KEY]):
            raise PermissionError

        def keyed(service: Service) -> Service:
            return replace(service, key=secret.get(KEY_OF.get(service.kind, ""), ""))

        return replace(
            bare,
            tavus_key=secret[TAVUS_KEY],
            room_token=secret[ROOM_TOKEN],
            callback_url=secret[CALLBACK_URL],
            stt=keyed(bare.stt),
            llm=keyed(bare.llm),
            tts=keyed(bare.tts),
        )


def print_of(key: str) -> str:
    """What tells two keys apart and gives neither away."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def line_of(kind: Event | Command, values: Mapping[str, Any]) -> str:
    """One line. Control characters in texts are escaped, so that no value can end it early."""
    key = "event" if isinstance(kind, Event) else "command"
    return json.dumps({key: kind.value, **values}) + "\n"


def parsed(line: str) -> dict[str, Any]:
    """The object of a line; {} for what is none, such as a library's own print."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
