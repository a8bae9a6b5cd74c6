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

    def fail(self, error: GreenroomError) -> None:
        """This is what came of the start."""
        self.failure = error
        self.decided.set()
