"""What is said about a conversation: events for verbose reads, and callbacks in Tavus's envelope.

https://docs.tavus.io/sections/webhooks-and-callbacks
"""

from __future__ import annotations

from collections.abc import Callable

from lib.sandbox.conversations.model import RoomConversation
from lib.sandbox.state import Row
from lib.sandbox.wire.callbacks import Callbacks
from lib.sandbox.wire.dialect import Dialect
from lib.sandbox.wire.responses import iso

NO_PERCEPTION = (
    "No perception model ran. This conversation was held in the local sandbox, which has no model that looks or "
    "listens, so nothing can be said about the participant's appearance, surroundings or tone."
)


class Announcer:
    """Keeps an event with its conversation and posts it to the callback URL. Never blocks."""

    def __init__(self, callbacks: Callbacks, dialect: Callable[[], Dialect]) -> None:
        self._callbacks = callbacks
        self._dialect = dialect

    def happen(self, call: RoomConversation, event_type: str, at: float) -> None:
        """`at`: Unix seconds of the sandbox's clock. The caller saves the conversation."""
        event = {"event_type": event_type, "timestamp": iso(at), "properties": _properties(call, event_type)}
        call.events.append(event)
        call.updated_at = max(call.updated_at, at)
        self._post(call, event)
        if event_type == "system.replica_joined" and self._dialect().joined_twin:
            self._post(call, {**event, "event_type": "system.pal_joined", "properties": {"face_id": call.replica_id}})

    def _post(self, call: RoomConversation, event: Row) -> None:
        envelope = {
            **event,
            "properties": self._dialect().told(event["properties"], verbose=False),
            "conversation_id": call.conversation_id,
            "webhook_url": call.callback_url,
            "message_type": event["event_type"].partition(".")[0],
        }
        self._callbacks.post(call.callback_url, envelope)


def _properties(call: RoomConversation, event_type: str) -> Row:
    if event_type == "application.perception_analysis":
        return {"analysis": NO_PERCEPTION}
    properties: Row = {"replica_id": call.replica_id}
    if event_type == "system.shutdown":
        properties["shutdown_reason"] = call.shutdown_reason
    elif event_type == "application.transcription_ready":
        properties["transcript"] = call.transcript()
    return properties
