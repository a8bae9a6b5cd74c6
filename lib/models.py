"""Values that cross layers: what the wire, the store and the pages all speak of.

Times are UTC datetimes, durations are whole or real seconds. The words are those of the wire: a *persona* is what
Tavus now also calls a PAL, a *replica* is what it also calls a Face, a *conversation* is Tavus's call, a *session* is
ours: a conversation or a chat with its mode, agent and record.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

JsonObject = Mapping[str, object]
"""A JSON object as the wire gave it: what stands in it is told by looking."""


class Mode(StrEnum):
    """How a session is held: the modes that come with Greenroom. A row may name another."""

    PHOENIX_REST = "phoenix_rest"
    PIPECAT_DAILY = "pipecat_daily"
    TEXT = "text"


def held_in_room(mode: str) -> bool:
    """Whether sessions of this mode are calls: all but text chat are."""
    return mode != Mode.TEXT


def mode_of(name: str) -> str:
    """The mode of this name: one of Mode where it is one."""
    return _MODES.get(name, name)


_MODES: dict[str, Mode] = {mode.value: mode for mode in Mode}


class Status(StrEnum):
    """Where a session stands. `unknown`: being checked with Tavus. `waiting`: created, the replica is not there yet.

    `live`: `system.replica_joined` was seen (phoenix_rest can't tell whether the viewer has joined).
    """

    STARTING = "starting"
    UNKNOWN = "unknown"
    WAITING = "waiting"
    LIVE = "live"
    ENDING = "ending"
    ENDED = "ended"
    FAILED = "failed"

    @property
    def open(self) -> bool:
        """True while it may still hold a room, and so cost money."""
        return self not in (Status.ENDED, Status.FAILED)


class Watch(StrEnum):
    """Who must be watching for a call to go on; with nobody there it is ended after a while.

    `page`: an open page that shows it. `api`: a caller that asks about it. `detached`: its room was opened in a tab
    of its own, which can't be seen from here. It and `nobody` are left to Tavus's timers and the call's limit.
    """

    NOBODY = ""
    PAGE = "page"
    API = "api"
    DETACHED = "detached"


@dataclass(frozen=True)
class Persona:
    """A persona as Tavus gave it. `raw` is the whole row, with the fields that Greenroom does not know."""

    id: str
    name: str
    raw: JsonObject

    @property
    def system_prompt(self) -> str:
        return str(self.raw.get("system_prompt") or "")

    @property
    def context(self) -> str:
        return str(self.raw.get("context") or "")

    @property
    def greeting(self) -> str:
        return str(self.raw.get("greeting") or "")

    @property
    def default_replica_id(self) -> str:
        return str(self.raw.get("default_replica_id") or self.raw.get("default_face_id") or "")

    @property
    def pipeline_mode(self) -> str:
        """`full`, `echo` or `speech-to-speech`; Tavus may answer null, which means full."""
        return str(self.raw.get("pipeline_mode") or "full")

    @property
    def layers(self) -> JsonObject:
        return branch(self.raw, "layers")

    @property
    def stock(self) -> bool:
        """True for one of Tavus's own personas, which can be used and copied but not changed."""
        return (self.raw.get("persona_type") or self.raw.get("pal_type")) == "system"


class PersonaPart(TypedDict, total=False):
    """What a session keeps of its persona and call, for text chat and for a worker; no secrets.

    `unread` counts, by kind, what the persona has that nobody here reads: documents, rules, tools.
    """

    persona_name: str
    system_prompt: str
    context: str
    greeting: str
    call_context: str
    language: str
    unread: dict[str, int]


@dataclass(frozen=True)
class Replica:
    """A replica as Tavus gave it. `status` is `started`, `completed` (also said `ready`) or `error`."""

    id: str
    name: str
    status: str
    stock: bool
    model_name: str
    thumbnail_image_url: str
    thumbnail_video_url: str
    error_message: str
    raw: JsonObject
    created_at: datetime | None = None

    @property
    def ready(self) -> bool:
        return self.status in ("completed", "ready")

    @property
    def tags(self) -> tuple[str, ...]:
        return texts(self.raw.get("tags"))


@dataclass(frozen=True)
class ObjectiveSet:
    """Goals that lead from one to the next, as Tavus gave them. `steps` are the rows of the single objectives."""

    id: str
    name: str
    steps: tuple[JsonObject, ...]
    raw: JsonObject


@dataclass(frozen=True)
class Guardrail:
    """A rule that a persona must keep to, as Tavus gave it."""

    id: str
    name: str
    raw: JsonObject

    @property
    def prompt(self) -> str:
        return str(self.raw.get("guardrail_prompt") or "")

    @property
    def tags(self) -> tuple[str, ...]:
        return texts(self.raw.get("tags"))


@dataclass(frozen=True)
class GuardrailSet:
    """The older form: several rules under one id, which a persona names by `guardrails_id`."""

    id: str
    name: str
    rules: tuple[JsonObject, ...]
    raw: JsonObject


@dataclass(frozen=True)
class Document:
    """A file or web site that Tavus reads for personas, as it gave it.

    `status` is `started`, `processing`, `ready`, `error` or `recrawling`; `progress` a percentage, None where it is
    not known. `error_message` is a code such as `file_download_failed`.
    """

    id: str
    name: str
    url: str
    status: str
    progress: int | None
    error_message: str
    last_crawled_at: datetime | None
    raw: JsonObject

    @property
    def busy(self) -> bool:
        """True while Tavus reads it, so that its state changes without us."""
        return self.status in ("started", "processing", "recrawling")

    @property
    def tags(self) -> tuple[str, ...]:
        return texts(self.raw.get("tags"))

    @property
    def crawl(self) -> JsonObject:
        """`depth` and `max_pages` of a web site; empty for a file or a single page."""
        return branch(self.raw, "crawl_config")


def texts(value: object) -> tuple[str, ...]:
    """The texts of a list as the wire gave it; whatever else is in it is left out."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()


def objects(value: object) -> tuple[JsonObject, ...]:
    """The objects of a list as the wire gave it; whatever else is in it is left out."""
    return tuple(item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else ()


def branch(row: JsonObject, *path: str) -> JsonObject:
    """The object that stands at `path` in another; {} where there is none."""
    for name in path:
        inner = row.get(name)
        row = inner if isinstance(inner, Mapping) else {}
    return row


@dataclass(frozen=True)
class ConversationEvent:
    """One entry of `events` in `GET /v2/conversations/{id}?verbose=true`, or of a callback."""

    event_type: str
    at: datetime
    properties: JsonObject


@dataclass(frozen=True)
class Conversation:
    """Tavus's call. `url` carries no meeting token; `meeting_token` is "" unless the room is private and just made."""

    id: str
    name: str
    status: str
    url: str
    replica_id: str
    persona_id: str
    created_at: datetime | None
    events: tuple[ConversationEvent, ...] = ()
    meeting_token: str = field(default="", repr=False)

    @property
    def active(self) -> bool:
        return self.status == "active"


@dataclass(frozen=True)
class CallLimits:
    """What this installation allows, in seconds; no agent goes above the first three.

    `at_once` calls, `minutes_a_day`, `starts_a_minute` of one person. A call that nobody has watched for
    `watch_grace_s` is ended; a start without a clear answer is looked for during `horizon_s`.
    """

    call_s: int = 600
    absent_s: int = 120
    left_s: int = 30
    at_once: int = 2
    minutes_a_day: int = 60
    starts_a_minute: int = 6
    watch_grace_s: float = 90.0
    horizon_s: float = 120.0


@dataclass(frozen=True)
class CallSettings:
    """What an agent asks of each call. Empty means: the persona's or the account's own.

    `language` is a full English name ("German") or "multilingual". `max_call_s`, `absent_s` (nobody joins) and
    `left_s` (everyone left) end a call, in seconds; None is the installation's limit, which no agent exceeds.
    `private_room` asks for a meeting token. `document_retrieval_strategy` is `speed`, `quality` or `balanced`.
    `recording_storage` names where recordings go by Tavus's own fields: identifiers, never a secret. `unknown` is what
    was stored by a Greenroom that knows more settings: kept as it is, never sent.
    """

    language: str = ""
    max_call_s: int | None = None
    greeting: str = ""
    context: str = ""
    audio_only: bool = False
    private_room: bool = False
    absent_s: int | None = None
    left_s: int | None = None
    document_ids: tuple[str, ...] = ()
    document_tags: tuple[str, ...] = ()
    document_retrieval_strategy: str = ""
    recording: bool = False
    recording_storage: Mapping[str, str] = field(default_factory=dict)
    captions: bool = False
    greenscreen: bool = False
    unknown: JsonObject = field(default_factory=dict)

    def longest_s(self, most_s: int) -> int:
        """How long one call may last where `most_s` is the installation's limit, which may have been lowered since."""
        return min(self.max_call_s or most_s, most_s)


@dataclass(frozen=True)
class Agent:
    """A persona with a replica and call settings, ready to start."""

    id: str
    name: str
    persona_id: str
    replica_id: str
    call: CallSettings
    created_at: datetime
    updated_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class Recording:
    """Where a recording lies in the storage that the agent names; `problem` says why it could not be copied there.

    `uri` carries no signature. Greenroom keeps the pointer only: the file is the storage's, and stays there.
    """

    bucket: str
    key: str
    duration_s: float | None
    provider: str
    uri: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Session:
    """One conversation or chat, with its mode, agent and record.

    The agent's and persona's names are kept as they were at the start, so that the record reads true after they
    change. `conversation_url` carries no meeting token. `reason` says in plain words why the avatar was refused or
    why the session failed, `end_reason` why it ended; both "" where there is nothing to say. `end_code` is the
    stable word behind `end_reason`; on a session that is ending it is our own reason to end it, "" where a person did.
    `max_call_s` is the limit that was sent. `checking_until`: when Tavus will have been asked for long enough whether
    the call was made, set while the status is `unknown`. `recordings` is None while one is asked for and none is there.
    """

    id: str
    agent_id: str
    agent_name: str
    persona_id: str
    persona_name: str
    replica_id: str
    mode: str
    status: Status
    created_at: datetime
    max_call_s: int
    conversation_id: str = ""
    conversation_url: str = ""
    reason: str = ""
    reason_code: str = ""
    reason_hint: str = ""
    waiting_at: datetime | None = None
    live_at: datetime | None = None
    ended_at: datetime | None = None
    end_code: str = ""
    end_reason: str = ""
    transcript_at: datetime | None = None
    perception: str = ""
    private_room: bool = False
    watch: Watch = Watch.NOBODY
    checking_until: datetime | None = None
    recordings: tuple[Recording, ...] | None = ()

    @property
    def in_room(self) -> bool:
        """True for a call, which has a room, an avatar and a bill; False for a text chat."""
        return held_in_room(self.mode)

    @property
    def begun_at(self) -> datetime | None:
        """From when on it counts: of a call the making of its room, None while there is none."""
        return self.waiting_at if self.in_room else self.created_at


@dataclass(frozen=True)
class Turn:
    """One entry of a transcript. `role` is `user`, `assistant`, `system` or `tool`.

    `seconds` counts from the start of the session, None where it is not known. `source` is `tavus` (read after the
    call) or `chat` (typed in Greenroom's own text chat).
    """

    seq: int
    role: str
    content: str
    seconds: float | None = None
    duration_s: float | None = None
    source: str = "tavus"


@dataclass(frozen=True)
class SessionEvent:
    """One line of a session's timeline: what happened, when, and a quiet detail."""

    at: datetime
    kind: str
    detail: str = ""


class Traffic(StrEnum):
    """Which way an exchange went."""

    REQUEST = "request"  # from here to Tavus
    CALLBACK = "callback"  # from Tavus to here


@dataclass(frozen=True)
class Exchange:
    """A request to Tavus or a callback from it, as it is kept: no key, token or secret is in it.

    `number` is our own id of a request, which its repeats share. `about` is the conversation, persona or other thing
    that it names, `session_id` the session that it belongs to; "" for none. `name` is the route's pattern or the
    event's type, `target` the path with its ids and query. `status` is None where no answer came, `code` and `error`
    say what went wrong. `size` is what the whole body had, in bytes; `body` is None in a list.
    """

    id: int
    kind: Traffic
    at: datetime
    name: str
    number: str = ""
    session_id: str = ""
    about: str = ""
    method: str = "POST"
    target: str = ""
    status: int | None = None
    ms: float | None = None
    code: str = ""
    error: str = ""
    size: int = 0
    body: str | None = field(default=None, repr=False)


class Origin(StrEnum):
    """Where a state of a persona came from."""

    GREENROOM = "greenroom"  # written here: on a page or through the HTTP API
    FILE = "file"  # written here from a file
    RESTORE = "restore"  # written here from an earlier snapshot
    FOUND = "found"  # first seen at Tavus
    TAVUS = "tavus"  # changed at Tavus, by someone or something else
    ACCEPTED = "accepted"  # changed at Tavus, and a person said that it is right
    DELETED = "deleted"  # the last state before it was deleted here


@dataclass(frozen=True)
class Snapshot:
    """One state of a persona that was read or written, without its secrets.

    `hash` is that of the content. `actor` is who did it ("" where it is not known), `reason` what they said. `fields`
    is the content and `secrets` the paths where a secret was set; both are None in a list. `previous_id` is the id that
    the persona had before it was deleted and created anew, "" but for the first snapshot after that.
    """

    id: int
    persona_id: str
    name: str
    hash: str
    at: datetime
    origin: Origin
    actor: str = ""
    reason: str = ""
    previous_id: str = ""
    fields: JsonObject | None = field(default=None, repr=False)
    secrets: tuple[str, ...] | None = None


def is_loopback(host: str | None) -> bool:
    """True for this machine's own addresses, which need no https."""
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return (host or "").lower() == "localhost"


@dataclass(frozen=True)
class MergeClash:
    """A field that both changed, and not alike; each text as a person reads it, "" for nothing.

    A secret is only ever `set`, `not set` or `replaced`.
    """

    path: tuple[str, ...]
    label: str
    base: str
    mine: str
    theirs: str
    secret: bool = False

    @property
    def key(self) -> str:
        return ".".join(self.path)
