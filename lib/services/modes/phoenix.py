"""phoenix_rest: a Tavus conversation made by REST, its room drawn in a frame.

The name is Greenroom's; on the wire it is `POST /v2/conversations`
(https://docs.tavus.io/api-reference/conversations/create-conversation).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lib.clients.sweeping import Swept
from lib.clients.tavus import Tavus
from lib.models import CallSettings, Conversation, Session
from lib.settings import Settings


@dataclass(frozen=True)
class CallPlan:
    """One call as it will be asked for. `name` begins with what makes it findable as ours."""

    session: Session
    name: str
    call: CallSettings


class PhoenixRest:
    """The four things that a mode does to a call: start, look, find, end."""

    def __init__(self, tavus: Tavus, settings: Settings, callback_url: Callable[[str], str]) -> None:
        self._tavus = tavus
        self._settings = settings
        self._callback_url = callback_url

    def start(self, plan: CallPlan) -> Conversation:
        """Create the conversation: billed from this moment, joined or not. Sent once, never repeated.

        Raises NotSent or a rejection (nothing was created), or Ambiguous (it may have been).
        """
        return self._tavus.conversations.create(self.payload(plan))

    def try_out(self, plan: CallPlan) -> Conversation:
        """The same payload with `test_mode`: the replica never joins, nothing is billed, the answer says `ended`."""
        fields = {key: value for key, value in self.payload(plan).items() if key != "callback_url"}
        return self._tavus.conversations.create({**fields, "test_mode": True})

    def payload(self, plan: CallPlan) -> dict[str, Any]:
        """The body of the create: all three of Tavus's timers are always set, and small.

        What an agent does not ask for is left out, so that the persona's or the account's own counts.
        """
        session, call, most = plan.session, plan.call, self._settings
        properties = {
            "max_call_duration": session.max_call_s,
            "participant_absent_timeout": _within(call.absent_s, most.absent_timeout_s),
            "participant_left_timeout": _within(call.left_s, most.left_timeout_s),
        } | _given(
            {
                "language": call.language,
                "enable_recording": call.recording,
                "recording_storage": dict(call.recording_storage) if call.recording else {},
                "enable_closed_captions": call.captions,
                "apply_greenscreen": call.greenscreen,
            }
        )
        fields: dict[str, Any] = {"conversation_name": plan.name, "properties": properties}
        return fields | _given(
            {
                "persona_id": session.persona_id,
                "replica_id": session.replica_id,
                "custom_greeting": call.greeting,
                "conversational_context": call.context,
                "callback_url": self._callback_url(session.id),
                "audio_only": call.audio_only,
                "require_auth": call.private_room,
                "document_ids": list(call.document_ids),
                "document_tags": list(call.document_tags),
                "document_retrieval_strategy": call.document_retrieval_strategy,
            }
        )

    def look(self, session: Session) -> Conversation:
        """The conversation as it is now, with its events. Raises NotFound, UpstreamError."""
        return self._tavus.conversations.get(conversation_id=session.conversation_id, verbose=True)

    def running(self) -> Swept[Conversation]:
        """All conversations of the account that run. Raises UpstreamError: a failed list never says "none"."""
        return self._tavus.conversations.all("active")

    def every(self) -> Swept[Conversation]:
        """All conversations of the account, ended ones too. Raises UpstreamError."""
        return self._tavus.conversations.all()

    def lately_ended(self, since: datetime | None = None) -> list[Conversation]:
        """Those made since then that have ended, and some others; without `since`, some by one request.

        What is not among them may have ended too. Raises UpstreamError.
        """
        return self._tavus.conversations.newest("ended", since=since)

    def end(self, session: Session) -> None:
        """End it. Ending twice does no harm. Raises NotFound, UpstreamError."""
        self.end_by_id(session.conversation_id)

    def end_by_id(self, conversation_id: str) -> None:
        """The same for a conversation that no session holds."""
        self._tavus.conversations.end(conversation_id=conversation_id)


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value}


def _within(asked_s: int | None, most_s: int) -> int:
    """An agent's own timer, never above the installation's: that may have been lowered since."""
    return most_s if asked_s is None else min(asked_s, most_s)
