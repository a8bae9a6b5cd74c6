"""What the room page may know and do of one conversation: the seam between the wire (`calls`) and the room (`room`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Reply = Callable[[Mapping[str, Any], str, Sequence[tuple[str, str]]], str]
"""`reply(persona_row, context, turns) -> text`: what the avatar says next.

`persona_row` is the persona as the wire gives it, with the call's own documents and `language`; `context` is the
call's `conversational_context`; `turns` are pairs of role (`user` or `assistant`) and text, oldest first, the last one
the user's. It may block: the sandbox calls it in a thread. It is handed in by whoever makes the sandbox, because the
sandbox imports nothing of the rest.
"""


@dataclass(frozen=True)
class CallView:
    """One conversation as its room sees it. Times are Unix seconds of the sandbox's clock.

    `ends_at` is when the longest time is over, `closes_at` when it ends by itself as things stand: nobody joins, or
    nobody comes back.
    """

    conversation_id: str
    name: str
    active: bool
    shutdown_reason: str
    persona: Mapping[str, Any]
    replica: Mapping[str, Any]
    greeting: str
    context: str
    language: str
    captions: bool
    audio_only: bool
    greenscreen: bool
    meeting_token: str
    now: float
    created_at: float
    joined_at: float | None
    joins_before: float
    ends_at: float
    closes_at: float
    turns: tuple[tuple[str, str], ...]


class RoomCalls(Protocol):
    """What the room does to a conversation. Every method is quick, thread-safe and ignores an unknown or ended id."""

    def view(self, conversation_id: str) -> CallView | None: ...

    def join(self, conversation_id: str) -> None:
        """A participant is in the room: the absent timer stops."""

    def beat(self, conversation_id: str) -> None:
        """The participant is still there; 15 s without one counts as having left."""

    def leave(self, conversation_id: str) -> None:
        """The participant left: the left timer starts."""

    def add_turn(self, conversation_id: str, role: str, content: str) -> None:
        """One more entry of the transcript, `user` or `assistant`, at the sandbox's now."""
