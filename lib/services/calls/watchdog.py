"""Watches the thread that does the rounds: one that is stuck is given up, and a fresh one goes on with the rest.

A thread can't be killed. The one that is given up keeps what it waits for, and when that comes, nothing is done with
it: `go_on` ends the thread at its next step. So it may be called wherever something that may hang was waited for.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from lib.errors import NotSent
from lib.services.calls.stopwatch import Stopwatch

log = logging.getLogger(__name__)

STUCK_S = 60.0
"""Longer than any step takes whose requests and transactions keep to their own limits: two requests, a few writes."""

MOST_GIVEN_UP = 3
LISTS = 5
"""A step that reads whole lists is given so many times as long."""

WAIT_S = 10.0

_here = threading.local()


class AnyLock(Protocol):
    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...
    def release(self) -> None: ...


@contextmanager
def held(lock: AnyLock, told: str, within_s: float | None = None) -> Iterator[None]:
    """The lock, waited for 10 s or no longer than that: who has it may be stuck. Raises NotSent."""
    if not lock.acquire(timeout=WAIT_S if within_s is None else within_s):
        raise NotSent(told, code="busy", hint="Try again in a moment.")
    try:
        yield
    finally:
        lock.release()


class GivenUp(BaseException):
    """This thread was stuck and another does its work. No Exception: whoever carries on after errors must not here."""


def go_on() -> None:
    """Raises GivenUp in a thread that was given up while it waited; in every other thread nothing happens."""
    progress = getattr(_here, "progress", None)
    if progress is not None and progress.given_up:
        raise GivenUp


@dataclass(frozen=True)
class StuckStep:
    """What a thread that was given up still waits for: `what`, of which session ("" for all), for how many seconds."""

    what: str
    session_id: str
    for_s: float

    @property
    def told(self) -> str:
        return f"{self.what} {self.session_id}".rstrip()


@dataclass(eq=False)
class Progress:
    """What one thread is at. `since` is None while it rests, else that of `now`, which counts seconds looked at."""

    now: Callable[[], float] = lambda: 0.0
    what: str = ""
    session_id: str = ""
    since: float | None = None
    times: int = 1
    given_up: bool = False
    thread: threading.Thread | None = field(default=None, repr=False)

    @property
    def alive(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    def step(self, what: str, session_id: str = "", *, times: int = 1) -> None:
        """Begin something that may hang; it is given `times` the usual limit. Raises GivenUp."""
        go_on()
        self.what, self.session_id, self.times, self.since = what, session_id, times, self.now()

    def rest(self) -> None:
        """Nothing may hang now. Raises GivenUp."""
        go_on()
        self.since = None

    def stuck(self, limit_s: float) -> StuckStep | None:
        since = self.since
        for_s = self.now() - since if since is not None else 0.0
        return StuckStep(self.what, self.session_id, for_s) if for_s >= limit_s * self.times else None


class Watchdog:
    """Keeps one thread at its work. `look` is called every `every_s`, by a thread that itself waits for nothing.

    Where too many threads are stuck no other is begun, and `fit` is False until one of them comes back.
    """

    def __init__(
        self,
        *,
        every_s: float,
        stuck_s: float = STUCK_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work: Callable[[Progress], None] = lambda progress: None
        self._on_stuck: Callable[[StuckStep], None] = lambda step: None
        self._stuck_s = stuck_s
        # Not the watch itself: a process that was stopped for a while and goes on is not stuck.
        self._looked = Stopwatch(longest_step_s=2 * every_s, monotonic=monotonic)
        self._working: Progress | None = None
        self._given_up: list[Progress] = []
        self.pulse = Progress(lambda: self._looked.now)
        """Of another thread, which is only told of where it is stuck."""
        self._pulse_told = False

    @property
    def fit(self) -> bool:
        return len(self._given_up) < MOST_GIVEN_UP

    @property
    def stuck(self) -> tuple[StuckStep, ...]:
        """What threads wait for that were given up, or could not be."""
        steps = [one.stuck(0.0) for one in self._given_up] + [self.pulse.stuck(self._stuck_s)]
        return tuple(step for step in steps if step is not None)

    def keep_at(self, work: Callable[[Progress], None], on_stuck: Callable[[StuckStep], None]) -> None:
        """Begin a thread at `work`. `on_stuck` is told of each step that a thread was given up at."""
        self._work, self._on_stuck = work, on_stuck
        self.begin()

    def begin(self) -> None:
        self._working = progress = Progress(lambda: self._looked.now)
        progress.thread = threading.Thread(target=self._run, args=(progress,), name="greenroom-sweeper", daemon=True)
        progress.thread.start()

    def join(self, within_s: float) -> None:
        """Wait for the thread that is not given up."""
        if self._working is not None and self._working.thread is not None:
            self._working.thread.join(within_s)

    def look(self) -> None:
        """Give up the thread if it is stuck, and begin another one, unless too many are."""
        self._looked.tick()
        for one in self._given_up:
            if not one.alive:
                log.warning("%s %s came back after all; nothing was done with it", one.what, one.session_id)
        self._given_up = [one for one in self._given_up if one.alive]
        self._look_at_pulse()
        working = self._working
        if working is not None and (step := working.stuck(self._stuck_s)):
            self._give_up(working, step)
        if (self._working is None or not self._working.alive) and self.fit:
            self.begin()

    def _look_at_pulse(self) -> None:
        step = self.pulse.stuck(self._stuck_s)
        if step and not self._pulse_told:
            log.error("%s has been stuck for %.0f s: the lease lapses by itself", step.told, step.for_s)
        self._pulse_told = step is not None

    def _give_up(self, progress: Progress, step: StuckStep) -> None:
        progress.given_up = True
        self._given_up, self._working = [*self._given_up, progress], None
        log.error("%s has been stuck for %.0f s and is given up; the rounds go on without it", step.told, step.for_s)
        if not self.fit:
            log.error("%d threads are stuck: this process leaves the rounds to another one", len(self._given_up))
        self._on_stuck(step)

    def _run(self, progress: Progress) -> None:
        _here.progress = progress
        try:
            self._work(progress)
        except GivenUp:
            log.debug("a thread that was given up has ended")
