"""What is known of one call while its worker runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from lib.clients.daily import Room
from lib.errors import GreenroomError
from lib.models import JsonObject


@dataclass
class OpenCall:
    """`token` opens the room for its viewer. `decided` is set once the start has an outcome, be it a failure.

    `described` are the worker's answers to browsers, by their questions.
    """

    room: Room | None = None
    conversation_id: str = ""
    conversation_url: str = ""
    token: str = field(default="", repr=False)
    failure: GreenroomError | None = None
    decided: threading.Event = field(default_factory=threading.Event)
    ended: bool = False
    described: dict[str, JsonObject] = field(default_factory=dict)
    described_now: threading.Condition = field(default_factory=threading.Condition)

    def held_in(self, room: Room) -> None:
        """The room is there, and is to be deleted after the call."""
        self.room = room

    def opens_with(self, token: str) -> None:
        """The room lets its viewer in with this token only."""
        self.token = token

    def exists(self, conversation_id: str, url: str) -> None:
        """This is what came of the start: a conversation at Tavus, which is billed."""
        self.conversation_id, self.conversation_url = conversation_id, url
        self.decided.set()

    def over(self) -> None:
        """The worker said so: its end is none that broke off."""
        self.ended = True

    def fail(self, error: GreenroomError) -> None:
        """This is what came of the start."""
        self.failure = error
        self.decided.set()
