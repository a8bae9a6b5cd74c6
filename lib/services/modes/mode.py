"""The port of a mode: everything in which the ways to hold a session differ.

A mode that is added here needs no edit elsewhere: what starts, watches, ends, records and diagnoses sessions asks the
session's own mode and never which one it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lib.doctor.modes import ModeFacts, ModeState
from lib.errors import GreenroomError, SettingsWrong
from lib.models import CallSettings, Conversation, Mode, PersonaPart, Session


@dataclass(frozen=True)
class CallPlan:
    """One session as it will be held, resolved: what its mode asks for, and what its row says.

    `session` holds persona, replica, limit and privacy, `name` begins with what makes the conversation findable as
    ours. `absent_s` (nobody joins) and `left_s` (everyone left) end a call. `part` is what is kept of the persona.
    """

    session: Session
    name: str
    call: CallSettings
    absent_s: int
    left_s: int
    part: PersonaPart


class SessionMode:
    """One way to hold a session. The values here are those of a call whose room Tavus keeps.

    `name` stands in rows, settings and answers of the API. `in_room`: it is a call. `outlives_us`: its calls go on, and
    are billed, when this process has ended. `told_as_said`: each turn is told while the call goes on, so that nothing
    is missing at its end; otherwise the transcript is read from Tavus after it. `idle_s`: it ends after so many seconds
    without a word, None where its room has timers of its own.
    """

    name: str
    in_room = True
    outlives_us = True
    told_as_said = False
    idle_s: float | None = None

    def unable(self) -> GreenroomError | None:
        """Why no session can start in this mode, as far as is known without trying; None if nothing is in the way."""
        return None

    def private(self, call: CallSettings) -> bool:
        """True if the room of such a call opens with a token only."""
        return call.private_room

    def hosts(self) -> tuple[str, ...]:
        """Hosts of its rooms, which a frame may show."""
        return ()

    def start(self, plan: CallPlan) -> Conversation:
        """Make the conversation: billed from this moment, joined or not. Sent once, never repeated.

        Raises SettingsWrong, NotSent or a rejection (nothing was created), or Ambiguous (it may have been).
        """
        raise NotImplementedError

    def look(self, session: Session) -> Conversation:
        """The conversation as it is now, with its events. Raises NotFound, UpstreamError."""
        raise NotImplementedError

    def end(self, session: Session) -> None:
        """End it. Ending twice does no harm. Raises NotFound, UpstreamError."""
        raise NotImplementedError

    def found_late(self) -> GreenroomError | None:
        """Why a call whose start's answer was lost is of no use when it is found; None if it can be joined."""
        return None

    def lost_with(self, owner: str) -> bool:
        """True if the calls that this process had started have died with it: `worker_lost`."""
        return False

    def standing(self, facts: ModeFacts) -> ModeState:
        """What Diagnostics says of it on this machine."""
        raise NotImplementedError

    def close(self) -> None:
        """This process ends."""


class Modes:
    """The modes of this process, by their names. `wanted` is that of calls, `fallback` one that may take its place.

    `problems` are the names of settings that are wrong: no call starts until they are mended.
    """

    def __init__(
        self,
        modes: Iterable[SessionMode],
        *,
        wanted: str = Mode.PHOENIX_REST,
        fallback: str = "",
        problems: Sequence[str] = (),
    ) -> None:
        self._modes = {mode.name: mode for mode in modes}
        self._wanted = wanted
        self._fallback = fallback
        self._problems = sorted(set(problems))

    def __iter__(self) -> Iterator[SessionMode]:
        return iter(self._modes.values())

    def of(self, session: Session) -> SessionMode:
        """The mode that it was started in, which it keeps. One that is not known any more is taken for Tavus's own."""
        return self._modes.get(session.mode) or self.tavus

    @property
    def tavus(self) -> SessionMode:
        """The mode of a conversation that is found at Tavus and of which no more is known."""
        return self._modes[Mode.PHOENIX_REST]

    @property
    def text(self) -> SessionMode:
        """The mode that is always there."""
        return self._modes[Mode.TEXT]

    def chosen(self) -> tuple[SessionMode, GreenroomError | None]:
        """The mode that a call starts in now, and why none can.

        A mode that can't start turns into another paid one only where `fallback` says so.
        """
        if self._problems:
            told = f"A setting is wrong, so no avatar can start: {', '.join(self._problems)}."
            return self.text, SettingsWrong(told)
        mode = self._modes[self._wanted]
        refusal = mode.unable()
        other = self._modes.get(self._fallback)
        if refusal is not None and other is not None and other is not mode:
            return other, other.unable()
        return mode, refusal

    def hosts(self) -> tuple[str, ...]:
        """Hosts of all rooms that a frame may show."""
        return tuple(dict.fromkeys(host for mode in self for host in mode.hosts()))

    def start(self, plan: CallPlan) -> Conversation:
        return self.of(plan.session).start(plan)

    def look(self, session: Session) -> Conversation:
        return self.of(session).look(session)

    def end(self, session: Session) -> None:
        self.of(session).end(session)
