"""Tavus over REST (https://docs.tavus.io/api-reference): personas, replicas, conversations, and what `library` has.

Sends the older vocabulary, which every route accepts, and reads both. No policy is made here: what is billed, when
and how often is decided by who calls. Every method may raise UpstreamError.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import SecretStr

from lib.clients import vocabulary
from lib.clients.library import DocumentsApi, GuardrailsApi, ObjectivesApi
from lib.clients.sweeping import Swept, count, newest, sweep
from lib.clients.transport import SentRequest, Success, Transport
from lib.models import Conversation, Persona, Replica
from lib.redaction import Redaction

T = TypeVar("T")


class Tavus:
    """One account at one address. Safe to use from several threads.

    `base_url` ends in /v2 and may be set later, as the embedded sandbox learns its port late; until then every
    request raises NotSent. `timeouts` are (connect, read) in seconds.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: SecretStr,
        timeouts: tuple[float, float] = (3.0, 20.0),
        sleep: Callable[[float], None] = time.sleep,
        recorder: Callable[[SentRequest], None] | None = None,
        redaction: Redaction | None = None,
    ) -> None:
        self._transport = Transport(
            base_url=base_url,
            api_key=api_key,
            timeouts=timeouts,
            sleep=sleep,
            recorder=recorder,
            redaction=redaction,
        )
        self.personas = PersonasApi(self._transport)
        self.replicas = ReplicasApi(self._transport)
        self.conversations = ConversationsApi(self._transport)
        self.objectives = ObjectivesApi(self._transport)
        self.guardrails = GuardrailsApi(self._transport)
        self.documents = DocumentsApi(self._transport)

    @property
    def base_url(self) -> str:
        return self._transport.base_url

    def reach_at(self, url: str) -> None:
        """From now on it is there. Raises SettingsWrong for what is no address that a key may be sent to."""
        self._transport.reach_at(url)

    @property
    def skew_s(self) -> float | None:
        """By how many seconds Tavus's clock was ahead of ours in its last answer; None before there was one."""
        return self._transport.skew_s

    def close(self) -> None:
        self._transport.close()


@dataclass(frozen=True)
class Patched:
    """`changed` is False where Tavus says that the operations change nothing (304).

    `publish_url` is where the change waits to be published, if it went into a draft of PAL Maker; else "".
    """

    changed: bool
    publish_url: str = ""


class PersonasApi:
    """`/personas`, which Tavus also calls PALs. Nothing here is billed."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, fields: Mapping[str, Any]) -> str:
        """Make one; its id. Never repeated: a lost answer raises Ambiguous."""
        return self._transport.request("POST", "/personas", lambda s: vocabulary.persona(s.body).id, body=dict(fields))

    def all(self) -> list[Persona]:
        """Every persona that the key can use, stock ones too."""
        return sweep(self._transport, "/personas", vocabulary.persona)

    def count(self) -> int:
        """How many there are, by one small request; -1 where the answer does not say."""
        return count(self._transport, "/personas", vocabulary.persona)

    def get(self, *, persona_id: str) -> Persona:
        """Raises NotFound."""
        parse = _body(vocabulary.persona)
        return self._transport.request("GET", "/personas/{persona_id}", parse, persona_id=persona_id)

    def patch(self, *, persona_id: str, operations: Sequence[Mapping[str, Any]], force: bool = False) -> Patched:
        """Apply RFC 6902 operations. `force` discards unpublished changes of PAL Maker.

        Raises NotFound, UpstreamRejected (422: a path does not exist in the document as it is now, or a `test` failed;
        409 with the code `maker_changes`: PAL Maker has changes that are not published).
        """
        return self._transport.request(
            "PATCH",
            "/personas/{persona_id}",
            _patched,
            query={"force": "true"} if force else {},
            body=[dict(step) for step in operations],
            persona_id=persona_id,
        )

    def delete(self, *, persona_id: str) -> None:
        """Raises NotFound."""
        self._transport.request("DELETE", "/personas/{persona_id}", _done, persona_id=persona_id)


class ReplicasApi:
    """`/replicas`, which Tavus also calls Faces. Nothing here is billed."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def all(self) -> list[Replica]:
        """Every replica that the key can use; only `verbose` rows say which are stock."""
        return sweep(self._transport, "/replicas", vocabulary.replica, {"verbose": "true"})

    def count(self) -> int:
        """How many there are, by one small request; -1 where the answer does not say."""
        return count(self._transport, "/replicas", vocabulary.replica)

    def get(self, *, replica_id: str) -> Replica:
        """Raises NotFound."""
        return self._transport.request(
            "GET",
            "/replicas/{replica_id}",
            _body(vocabulary.replica),
            query={"verbose": "true"},
            replica_id=replica_id,
        )


class ConversationsApi:
    """`/conversations`: the only paid thing."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, fields: Mapping[str, Any]) -> Conversation:
        """Start a call. Billed from this moment, joined or not, until it ends; one slot of the account is taken.

        Sent once, over a connection of its own. Raises NotSent, KeyRefused, OutOfCredit, SlotsFull, RateLimited or
        UpstreamRejected if nothing was created, Ambiguous if it may have been. `meeting_token` of the answer is set
        only for `require_auth`.
        """
        return self._transport.request("POST", "/conversations", _body(vocabulary.conversation), body=dict(fields))

    def all(self, status: str | None = None) -> Swept[Conversation]:
        """Every conversation, or those that are `active` or `ended`. Without events."""
        return sweep(self._transport, "/conversations", vocabulary.conversation, {"status": status} if status else {})

    def newest(self, status: str, *, since: datetime | None = None) -> list[Conversation]:
        """The first 100 of those that are `active` or `ended`, by one request; with `since`, all made since then.

        The order is not documented; the newest came first wherever it was seen.
        """

        def younger(page: Sequence[Conversation]) -> bool:
            return since is not None and any(row.created_at is None or row.created_at > since for row in page)

        return newest(self._transport, "/conversations", vocabulary.conversation, {"status": status}, more=younger)

    def get(self, *, conversation_id: str, verbose: bool = False) -> Conversation:
        """`verbose` adds the events: joins, shutdown, transcript, perception. Raises NotFound."""
        return self._transport.request(
            "GET",
            "/conversations/{conversation_id}",
            _body(vocabulary.conversation),
            query={"verbose": "true"} if verbose else {},
            conversation_id=conversation_id,
        )

    def end(self, *, conversation_id: str) -> None:
        """End the call and its billing. What ending twice answers is undocumented: look at it after any error.

        Raises NotFound.
        """
        self._transport.request("POST", "/conversations/{conversation_id}/end", _done, conversation_id=conversation_id)

    def delete(self, *, conversation_id: str, hard: bool = False) -> None:
        """Delete its record; `hard` also its transcript and recordings, for good. Raises NotFound."""
        self._transport.request(
            "DELETE",
            "/conversations/{conversation_id}",
            _done,
            query={"hard": "true"} if hard else {},
            conversation_id=conversation_id,
        )


def _patched(success: Success) -> Patched:
    body = success.body if isinstance(success.body, Mapping) else {}
    url = vocabulary.word(body, "publish_url")
    return Patched(success.status != 304, url if url.startswith("https://") else "")


def _body(parse: Callable[[Any], T]) -> Callable[[Success], T]:
    return lambda success: parse(success.body)


def _done(success: Success) -> None:
    """200 and 204 both mean done; what the body holds differs and is not needed."""
