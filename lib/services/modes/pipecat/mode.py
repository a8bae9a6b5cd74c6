"""pipecat_daily: a worker of our own speaks in a Daily room, and Tavus gives it a face.

Billed is the Tavus conversation that the worker makes; its id reaches us the moment it exists, and from then on it is
watched, ended and kept like any other. On the sandbox the same worker runs with a browser of this machine in the place
of a Daily room, and a drawn face.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from lib.clients.daily import Daily
from lib.doctor import modes as doctor
from lib.doctor.causes import of_platform
from lib.doctor.machine import machine
from lib.doctor.modes import ModeFacts, ModeState
from lib.doctor.probe import Probe, probe, worker_python
from lib.errors import Ambiguous, GreenroomError, NotFound, SettingsWrong, UpstreamError
from lib.models import CallSettings, Conversation, JsonObject, Mode, Session
from lib.redaction import Redaction
from lib.services.ledger import outcome
from lib.services.modes.mode import CallPlan, SessionMode
from lib.services.modes.phoenix import PhoenixRest
from lib.services.modes.pipecat.open_call import OpenCall
from lib.services.modes.pipecat.rooms import CallRooms
from lib.services.modes.pipecat.worker_error import error_of, refusal
from lib.services.modes.pipecat.worker_plan import WorkerPlans, missing_keys
from lib.services.modes.workers.launcher import Launcher
from lib.settings import Settings, secret_values
from lib.worker import Command, Event, WorkerPlan

log = logging.getLogger(__name__)

START_WITHIN_S = 75.0


class WorkerListener(Protocol):
    """Who hears what a worker tells of its call."""

    def turn(self, session_id: str, role: str, text: str) -> None:
        """Something was said; `role` is `user` or `assistant`."""

    def broken(self, session_id: str, error: GreenroomError) -> None:
        """The call can't go on."""

    def answer(self, session_id: str, turns: list[tuple[str, str]]) -> str:
        """What the persona says next, after these roles and texts. Raises UpstreamError."""


class PipecatDaily(SessionMode):
    """The mode. `daily` is None without a key, and on the sandbox, where a browser takes the place of a room.

    `runs_here` says of the name of a process whether it still runs on this machine, None where that can't be told.
    """

    name = Mode.PIPECAT_DAILY
    outlives_us = False
    told_as_said = True

    def __init__(
        self,
        *,
        root: Path,
        settings: Settings,
        phoenix: PhoenixRest,
        tavus_address: Callable[[], tuple[str, SecretStr]],
        own_base: Callable[[], str],
        daily: Daily | None,
        launcher: Launcher,
        listener: WorkerListener,
        runs_here: Callable[[str], bool | None] = lambda owner: None,
    ) -> None:
        self._root = root
        self._settings = settings
        self._redaction = Redaction(secret_values(settings))
        self._phoenix = phoenix
        self._own_base = own_base
        self._python = worker_python(root, settings.pipecat_python)
        self._launcher = launcher
        self._daily = daily
        self._rooms = CallRooms(daily, settings) if daily is not None and not settings.sandbox else None
        self._plans = WorkerPlans(settings, phoenix, tavus_address)
        self._calls: dict[str, OpenCall] = {}
        self._probe: Probe | None = None
        self._listener = listener
        self._runs_here = runs_here

    # before a start

    def probe(self) -> Probe:
        """Try the worker's packages once, in a process of their own; what came of it is kept."""
        if self._probe is None:
            self._probe = probe(self._python, machine(), root=self._root)
        return self._probe

    def missing_keys(self) -> tuple[str, ...]:
        """The settings that a call in this mode needs and does not have. None on the sandbox."""
        return missing_keys(self._settings)

    def unable(self) -> GreenroomError | None:
        """Why no call can start in this mode, as far as is known without trying; None if nothing is in the way."""
        stuck = of_platform(machine()) or (self._probe.cause if self._probe else None)
        if stuck is not None and self._launcher.here:
            return refusal(stuck)
        if missing := self.missing_keys():
            told = f"pipecat_daily is not set up: {', '.join(missing)} missing."
            hint = "Put what is missing into .env and restart. phoenix_rest needs none of it, and text chat works."
            return SettingsWrong(told, code="missing_keys", hint=hint)
        return None

    @property
    def daily(self) -> Daily | None:
        """The client of the rooms, None without a key."""
        return self._daily

    def private(self, call: CallSettings) -> bool:
        """The sandbox's room is, a Daily room by DAILY_AVATAR_PRIVACY."""
        return self._daily is None or self._settings.daily_avatar_privacy == "private"

    def hosts(self) -> tuple[str, ...]:
        return self._phoenix.hosts()

    def standing(self, facts: ModeFacts) -> ModeState:
        return doctor.pipecat(facts)

    def found_late(self) -> GreenroomError | None:
        """Its worker is gone: nobody would speak in it."""
        return outcome.unusable("worker_lost")

    def lost_with(self, owner: str) -> bool:
        return self._launcher.here and self._runs_here(owner) is False

    # what every mode does

    def start(self, plan: CallPlan) -> Conversation:
        """Make the room, start the worker, and wait until its Tavus conversation exists. Billed from that moment.

        Raises SettingsWrong (the worker can't run), NotSent or a rejection (nothing was created), Ambiguous (it
        may have been). The room is deleted again and the worker ended where this fails.
        """
        cause = self.probe().cause if self._launcher.here else None
        if (stuck := refusal(cause) if cause else self.unable()) is not None:
            raise stuck
        session, call = plan.session, OpenCall(token=secrets.token_urlsafe(24))
        if self._calls.setdefault(session.id, call) is not call:
            raise Ambiguous("This session is being started already.", code="started_twice")
        try:
            self._launcher.start(self._worker_plan(plan, call), self._heard)
        except BaseException:
            # A worker that is there all the same belongs to another start.
            self._calls.pop(session.id, None)
            self._delete_room(call)
            raise
        try:
            if not call.decided.wait(START_WITHIN_S):
                raise Ambiguous(f"The worker said nothing of its call within {START_WITHIN_S:.0f} s.", code="no_answer")
            if call.failure is not None:
                raise call.failure
        except BaseException:
            self._tidy(session.id, end=bool(call.conversation_id))
            raise
        url = call.room.url if call.room else f"{self._own_base()}/sandbox/rtc/{session.id}"
        return Conversation(
            id=call.conversation_id,
            name=plan.name,
            status="active",
            url=url,
            replica_id=session.replica_id,
            persona_id=session.persona_id,
            created_at=datetime.now(UTC),
            meeting_token=call.token,
        )

    def look(self, session: Session) -> Conversation:
        """The Tavus conversation, with the room that a viewer opens."""
        return replace(self._phoenix.look(session), url=session.conversation_url)

    def end(self, session: Session) -> None:
        """End the conversation, the worker and the room. Raises NotFound, UpstreamError (the rest is done then)."""
        self._launcher.stop(session.id)
        try:
            self._phoenix.end(session)
        finally:
            self._calls.pop(session.id, None)
            self.end_room(session.id)

    def end_room(self, session_id: str) -> None:
        """Close the room of a session, also one that an earlier process made. On the sandbox there is none."""
        if self._rooms is not None:
            self._rooms.delete(session_id)

    def close(self) -> None:
        """End all workers; each ends its own conversation on the way."""
        self._launcher.close()
        for session_id in list(self._calls):
            self._tidy(session_id, end=True)
        if self._daily is not None:
            self._daily.close()

    # the browser of the sandbox's room

    def opens(self, session_id: str, token: str) -> bool:
        """True if this token opens this session's room."""
        call = self._calls.get(session_id)
        return call is not None and secrets.compare_digest(call.token.encode(), token.encode())

    def describe(self, session_id: str, sdp: str, kind: str, within_s: float = 15.0) -> JsonObject | None:
        """The worker's answer to a browser's description of itself; None if it gave none."""
        call, question = self._calls.get(session_id), secrets.token_hex(6)
        if call is None or not self._launcher.tell(session_id, Command.OFFER, id=question, sdp=sdp, type=kind):
            return None
        with call.described_now:
            call.described_now.wait_for(lambda: question in call.described, within_s)
            return call.described.pop(question, None)

    def say(self, session_id: str, text: str) -> bool:
        """What was typed in the room; False if nobody is there to hear it."""
        return self._launcher.tell(session_id, Command.SAY, text=text)

    # what the worker tells

    def _heard(self, session_id: str, event: JsonObject) -> None:
        call = self._calls.get(session_id)
        if call is None:
            return
        match event.get("event"):
            case Event.CONVERSATION:
                self._exists(call, event)
            case Event.TURN:
                self._listener.turn(session_id, str(event.get("role")), str(event.get("text", "")))
            case Event.ASK:
                threading.Thread(target=self._answer, args=(session_id, event), daemon=True).start()
            case Event.DESCRIBED:
                with call.described_now:
                    call.described[str(event["id"])] = {"sdp": event.get("sdp"), "type": event.get("type")}
                    call.described_now.notify_all()
            case Event.ERROR:
                self._failed(session_id, call, event)
            case Event.ENDED:
                call.over()
            case "gone":
                self._gone(session_id, call, event)

    def _exists(self, call: OpenCall, event: JsonObject) -> None:
        if not event.get("id"):
            call.fail(Ambiguous("The worker did not say which conversation it made.", code="no_answer"))
            return
        call.exists(str(event["id"]), str(event.get("url", "")))

    def _answer(self, session_id: str, event: JsonObject) -> None:
        try:
            text = self._listener.answer(session_id, _turns(event))
        except GreenroomError as error:
            text = f"I can't answer just now. {error.message}"
        except Exception:
            log.exception("the worker of session %s could not be answered", session_id)
            text = "I can't answer just now."
        self._launcher.tell(session_id, Command.ANSWER, id=str(event.get("id")), text=text)

    def _failed(self, session_id: str, call: OpenCall, event: JsonObject) -> None:
        error = error_of(event, self._redaction.text)
        if not call.decided.is_set():
            call.fail(error)
        else:
            self._listener.broken(session_id, error)

    def _gone(self, session_id: str, call: OpenCall, event: JsonObject) -> None:
        """The worker's process is over. What it may have left running is ended here, whatever it said."""
        why = event.get("why") or f"exit code {event.get('code')}"
        if not call.decided.is_set():
            call.fail(Ambiguous(f"The worker ended ({why}) before it said what came of the start."))
            return
        if call.failure is not None:
            return
        try:
            if not call.ended:
                told = f"The worker of this call broke off ({why})."
                hint = "The call was ended. Start again; Diagnostics tries the worker's packages."
                self._listener.broken(session_id, UpstreamError(told, code="worker_died", hint=hint))
        finally:
            self._tidy(session_id, end=True)

    def _tidy(self, session_id: str, *, end: bool) -> None:
        """End what is left of a call: its worker, its conversation, its room. What fails is left to the timers."""
        call = self._calls.pop(session_id, None)
        self._launcher.stop(session_id)
        if end and call is not None and call.conversation_id:
            try:
                self._phoenix.end_by_id(call.conversation_id)
            except (NotFound, UpstreamError) as error:
                log.warning("the conversation of session %s could not be ended yet: %s", session_id, error.code)
        self._delete_room(call)

    def _delete_room(self, call: OpenCall | None) -> None:
        if call is not None and call.room is not None and self._rooms is not None:
            self._rooms.delete(call.room.name)

    def _worker_plan(self, plan: CallPlan, call: OpenCall) -> WorkerPlan:
        if self._rooms is None:
            return self._plans.for_browser(plan)
        return self._plans.for_room(plan, call, self._rooms.open(plan.session, call))


def _turns(event: JsonObject) -> list[tuple[str, str]]:
    """Roles and texts of a question. Raises ValueError where they are none."""
    turns = event.get("turns", [])
    if not isinstance(turns, list):
        raise ValueError("no turns")
    return [(str(role), str(text)) for role, text in turns]
