"""phoenix_rest: a Tavus conversation made by REST, its room drawn in a frame.

The name is Greenroom's; on the wire it is `POST /v2/conversations`
(https://docs.tavus.io/api-reference/conversations/create-conversation).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lib.clients.rooms import DAILY_HOSTS
from lib.clients.sweeping import Swept
from lib.clients.tavus import Tavus
from lib.doctor import modes as doctor
from lib.doctor.modes import ModeFacts, ModeState
from lib.models import Conversation, Mode, Session
from lib.services.modes.mode import CallPlan, SessionMode


class PhoenixRest(SessionMode):
    """The mode, and what else is asked of Tavus about conversations: its lists, and a start that is only tried.

    `own_rooms` are the origins of the rooms of a sandbox on this machine, none where Tavus itself is called.
    """

    name = Mode.PHOENIX_REST

    def __init__(
        self,
        tavus: Tavus,
        callback_url: Callable[[str], str] = lambda session_id: "",
        own_rooms: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self._tavus = tavus
        self.callback_url = callback_url
        self._own_rooms = own_rooms

    def hosts(self) -> tuple[str, ...]:
        return (*DAILY_HOSTS, *self._own_rooms())

    def standing(self, facts: ModeFacts) -> ModeState:
        return doctor.phoenix(facts)

    def start(self, plan: CallPlan) -> Conversation:
        return self._tavus.conversations.create(self.payload(plan))

    def try_out(self, plan: CallPlan) -> Conversation:
        """Send a start with `test_mode`: the replica never joins, nothing is billed, the answer says `ended`."""
        fields = {key: value for key, value in self.payload(plan).items() if key != "callback_url"}
        return self._tavus.conversations.create({**fields, "test_mode": True})

    def payload(self, plan: CallPlan) -> dict[str, object]:
        """The body of the create: all three of Tavus's timers are always set, and small.

        What an agent does not ask for is left out, so that the persona's or the account's own counts.
        """
        session, call = plan.session, plan.call
        properties = {
            "max_call_duration": session.max_call_s,
            "participant_absent_timeout": plan.absent_s,
            "participant_left_timeout": plan.left_s,
        } | _given(
            {
                "language": call.language,
                "enable_recording": call.recording,
                "recording_storage": dict(call.recording_storage) if call.recording else {},
                "enable_closed_captions": call.captions,
                "apply_greenscreen": call.greenscreen,
            }
        )
        fields: dict[str, object] = {"conversation_name": plan.name, "properties": properties}
        return fields | _given(
            {
                "persona_id": session.persona_id,
                "replica_id": session.replica_id,
                "custom_greeting": call.greeting,
                "conversational_context": call.context,
                "callback_url": self.callback_url(session.id),
                "audio_only": call.audio_only,
                "require_auth": call.private_room,
                "document_ids": list(call.document_ids),
                "document_tags": list(call.document_tags),
                "document_retrieval_strategy": call.document_retrieval_strategy,
            }
        )

    def look(self, session: Session) -> Conversation:
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
        self.end_by_id(session.conversation_id)

    def end_by_id(self, conversation_id: str) -> None:
        """End a conversation that no session holds. Raises NotFound, UpstreamError."""
        self._tavus.conversations.end(conversation_id=conversation_id)


def _given(fields: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in fields.items() if value}
