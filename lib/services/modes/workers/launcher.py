"""What starts workers and hears them, whatever they run on: processes of this machine, or Jobs of a cluster.

What a worker tells arrives in a thread of its own; what it leaves behind when it dies is for whoever started it to tidy
up, so its end is told too, whatever the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from lib.models import JsonObject
from lib.worker import BEAT_EVERY_S, Command, Event, WorkerPlan

SILENT_S = 6 * BEAT_EVERY_S
"""A worker that has not beaten for so long hangs."""

ROOM_AFTER = timedelta(minutes=2)
"""How much longer than its call a room may last, and its worker with it: the call begins after it was made."""

GONE = "gone"
LAST = (Event.ENDED, Event.ERROR)
"""What a worker tells when it is about to go."""

Heard = Callable[[str, JsonObject], None]


@dataclass(frozen=True)
class WorkerState:
    """`running` as long as the worker lives; `code` is its exit code after that, None where it is not known.

    `silent_s`: for how long nothing was heard of it, by whoever hears it. `stopping`: its end is under way.
    """

    session_id: str
    running: bool
    code: int | None
    silent_s: float
    stopping: bool = False


class Launcher(Protocol):
    """Starts one worker a session, never a second one.

    `heard(session_id, event)` is called for each event of a worker, last for `{"event": "gone", "code": ..., "why":
    ...}`; `why`, if it is there, says in words what ended it. `tell` and `close` are what the mode needs besides.
    """

    @property
    def here(self) -> bool:
        """True if workers run on this machine: its packages count, and a browser of it can be spoken to."""
        ...

    def start(self, plan: WorkerPlan, heard: Heard) -> None:
        """Raises Conflict (the session has a worker), LimitReached (too many run), SettingsWrong (it can't be started),
        Ambiguous (it may have been). Where it raises, what was begun is taken back."""
        ...

    def tell(self, session_id: str, command: Command, **values: object) -> bool:
        """Give a worker a command; False if it is not there to hear it."""
        ...

    def status(self, session_id: str) -> WorkerState | None: ...

    def stop(self, session_id: str) -> None:
        """Ask it to end, and end it if it does not. Raises nothing; a worker that is not there is none to stop."""
        ...

    def list(self) -> list[WorkerState]: ...

    def close(self) -> None:
        """End all that this process started."""
        ...
