"""pipecat_daily: a worker of our own speaks in a Daily room, and Tavus gives it a face.

Billed is the Tavus conversation that the worker makes; its id reaches us the moment it exists, and from then on it is
watched, ended and kept like any other. On the sandbox the same worker runs with a browser of this machine in the place
of a Daily room, and a drawn face.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from lib.clients import faults, unreached
from lib.clients.daily import Daily, Room
from lib.clients.wire import Answer
from lib.doctor.causes import Cause, of_import, of_platform
from lib.doctor.machine import machine
from lib.doctor.probe import Probe, probe, worker_python
from lib.errors import Ambiguous, GreenroomError, NotFound, NotSent, SettingsWrong, UpstreamError
from lib.models import Conversation, Session
from lib.services.modes.launcher import LocalLauncher
from lib.services.modes.phoenix_rest import PhoenixRest, Plan
from lib.settings import Settings
from lib.worker import Command, Event, Service
from lib.worker import Plan as WorkerPlan

log = logging.getLogger(__name__)

START_WITHIN_S = 75.0
REPLICA_WITHIN_S = 30.0
ROOM_AFTER = timedelta(minutes=2)
GONE = "gone"
TAVUS = "TAVUS_BASE_URL"
DAILY_KEY = "DAILY_API_KEY"
Brain = Callable[[str, list[tuple[str, str]]], str]
Turn = Callable[[str, str, str], None]
Broken = Callable[[str, GreenroomError], None]


@dataclass
class _Call:
    """What is known of one call while its worker runs."""

    room: Room | None = None
    conversation_id: str = ""
    conversation_url: str = ""
    token: str = field(default="", repr=False)
    failure: GreenroomError | None = None
    decided: threading.Event = field(default_factory=threading.Event)
    ended: bool = False
    described: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    described_now: threading.Condition = field(default_factory=threading.Condition)


class PipecatDaily:
    """The mode. `brain` answers in the persona's role, `on_turn` keeps what was said, `on_broken` what went wrong."""

    def __init__(
        self,
        *,
        root: Path,
        settings: Settings,
        phoenix: PhoenixRest,
        tavus_address: Callable[[], tuple[str, SecretStr]],
        own_base: Callable[[], str],
        part_of: Callable[[str], Mapping[str, str]],
        daily: Daily | None,
    ) -> None:
        self._root = root
        self._settings = settings
        self._phoenix = phoenix
        self._tavus_address = tavus_address
        self._own_base = own_base
        self._part_of = part_of
        self._python = worker_python(root, settings.pipecat_python)
        self._launcher = LocalLauncher(self._python, root)
        self._daily = daily
        self._calls: dict[str, _Call] = {}
        self._probe: Probe | None = None
        self.brain: Brain = lambda session_id, turns: ""
        self.on_turn: Turn = lambda session_id, role, text: None
        self.on_broken: Broken = lambda session_id, error: None

    # before a start

    def probe(self) -> Probe:
        """Try the worker's packages once, in a process of their own; what came of it is kept."""
        if self._probe is None:
            self._probe = probe(self._python, machine(), root=self._root)
        return self._probe

    def missing_keys(self) -> tuple[str, ...]:
        """The settings that a call in this mode needs and does not have. None on the sandbox."""
        given = self._settings
        if given.sandbox:
            return ()
        voice = (given.cartesia_api_key and given.cartesia_voice_id) or (
            given.elevenlabs_api_key and given.elevenlabs_voice_id
        )
        wanted = {
            DAILY_KEY: given.daily_api_key,
            "DEEPGRAM_API_KEY": given.deepgram_api_key,
            "CHAT_BASE_URL": given.chat_base_url,
            "CARTESIA_API_KEY and CARTESIA_VOICE_ID": voice,
        }
        return tuple(name for name, value in wanted.items() if not value)

    def unable(self) -> GreenroomError | None:
        """Why no call can start in this mode, as far as is known without trying; None if nothing is in the way."""
        stuck = of_platform(machine()) or (self._probe.cause if self._probe else None)
        if stuck is not None:
            return _refusal(stuck)
        if missing := self.missing_keys():
            told = f"pipecat_daily is not set up: {', '.join(missing)} missing."
            hint = "Put what is missing into .env and restart. phoenix_rest needs none of it, and text chat works."
            return SettingsWrong(told, code="missing_keys", hint=hint)
        return None

    @property
    def daily(self) -> Daily | None:
        """The client of the rooms, None without a key."""
        return self._daily

    @property
    def private(self) -> bool:
        """True if a room opens with a token only: the sandbox's always, a Daily room by DAILY_AVATAR_PRIVACY."""
        return self._daily is None or self._settings.daily_avatar_privacy == "private"

    # what every mode does

    def start(self, plan: Plan) -> Conversation:
        """Make the room, start the worker, and wait until its Tavus conversation exists. Billed from that moment.

        Raises SettingsWrong (the worker can't run here), NotSent or a rejection (nothing was created), Ambiguous (it
        may have been). The room is deleted again and the worker ended where this fails.
        """
        cause = self.probe().cause
        if (refusal := _refusal(cause) if cause else self.unable()) is not None:
            raise refusal
        session = plan.session
        call = self._calls[session.id] = _Call(token=secrets.token_urlsafe(24))
        try:
            worker = self._worker_plan(plan, call)
            try:
                self._launcher.start(worker, self._heard)
            except OSError as error:
                raise SettingsWrong(f"The worker can't be started: {error.strerror}.", code="worker_start") from None
            if not call.decided.wait(START_WITHIN_S):
                raise Ambiguous(f"The worker said nothing of its call within {START_WITHIN_S:.0f} s.", code="no_answer")
            if call.failure is not None:
                raise call.failure
        except GreenroomError:
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
        """The Tavus conversation, with the room that a viewer opens. Raises NotFound, UpstreamError."""
        return replace(self._phoenix.look(session), url=session.conversation_url)

    def end(self, session: Session) -> None:
        """End the conversation, the worker and the room. Raises NotFound, UpstreamError (the rest is done then)."""
        self._launcher.stop(session.id)
        try:
            self._phoenix.end(session)
        finally:
            self._delete_room(self._calls.pop(session.id, None))

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

    def describe(self, session_id: str, sdp: str, kind: str, within_s: float = 15.0) -> Mapping[str, Any] | None:
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

    def _heard(self, session_id: str, event: Mapping[str, Any]) -> None:
        call = self._calls.get(session_id)
        if call is None:
            return
        match event.get("event"):
            case Event.CONVERSATION:
                call.conversation_id, call.conversation_url = str(event["id"]), str(event["url"])
                call.decided.set()
            case Event.TURN:
                self.on_turn(session_id, str(event.get("role")), str(event.get("text", "")))
            case Event.ASK:
                threading.Thread(target=self._answer, args=(session_id, event), daemon=True).start()
            case Event.DESCRIBED:
                with call.described_now:
                    call.described[str(event["id"])] = {"sdp": event.get("sdp"), "type": event.get("type")}
                    call.described_now.notify_all()
            case Event.ERROR:
                self._failed(session_id, call, event)
            case Event.ENDED:
                call.ended = True
            case "gone":
                self._gone(session_id, call, event)

    def _answer(self, session_id: str, event: Mapping[str, Any]) -> None:
        turns = [(str(role), str(text)) for role, text in event.get("turns", [])]
        try:
            text = self.brain(session_id, turns)
        except GreenroomError as error:
            text = f"I can't answer just now. {error.message}"
        self._launcher.tell(session_id, Command.ANSWER, id=str(event.get("id")), text=text)

    def _failed(self, session_id: str, call: _Call, event: Mapping[str, Any]) -> None:
        error = error_of(event)
        if not call.decided.is_set():
            call.failure = error
            call.decided.set()
        else:
            self.on_broken(session_id, error)

    def _gone(self, session_id: str, call: _Call, event: Mapping[str, Any]) -> None:
        """The worker's process is over. What it may have left running is ended here, whatever it said."""
        if not call.decided.is_set():
            call.failure = Ambiguous(f"The worker ended ({event.get('code')}) before it said what came of the start.")
            call.decided.set()
            return
        if call.failure is None:
            if not call.ended:
                told = f"The worker of this call broke off (exit code {event.get('code')})."
                hint = "The call was ended. Start again; Diagnostics tries the worker's packages."
                self.on_broken(session_id, UpstreamError(told, code="worker_died", hint=hint))
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

    def _delete_room(self, call: _Call | None) -> None:
        if call is None or call.room is None or self._daily is None:
            return
        try:
            self._daily.delete_room(call.room.name)
        except UpstreamError as error:
            log.warning("the room %s could not be deleted, it closes by itself: %s", call.room.name, error.code)

    def _worker_plan(self, plan: Plan, call: _Call) -> WorkerPlan:
        given, session = self._settings, plan.session
        base_url, key = self._tavus_address()
        payload = self._phoenix.payload(plan)
        limits = payload["properties"]
        part = self._part_of(session.id)
        instructions = "\n\n".join(filter(None, (part.get("system_prompt"), part.get("context"), plan.call.context)))
        common: dict[str, Any] = {
            "session_id": session.id,
            "name": plan.name,
            "tavus_base_url": base_url,
            "tavus_key": key.get_secret_value(),
            "replica_id": session.replica_id,
            "max_call_s": limits["max_call_duration"],
            "absent_s": limits["participant_absent_timeout"],
            "left_s": limits["participant_left_timeout"],
            "replica_within_s": REPLICA_WITHIN_S,
            "system_prompt": instructions,
            "greeting": plan.call.greeting or part.get("greeting", ""),
            "language": plan.call.language,
            "callback_url": payload.get("callback_url", ""),
        }
        if given.sandbox or self._daily is None:
            return WorkerPlan(
                transport="rtc", stt=Service("whisper"), llm=Service("parent"), tts=Service("packaged"), **common
            )
        until = datetime.now(UTC) + timedelta(seconds=session.max_call_s) + ROOM_AFTER
        private = given.daily_avatar_privacy == "private"
        call.room = self._daily.create_room(name=session.id, private=private, expires_at=until)
        wrong = given.daily_subdomain and call.room.subdomain not in ("", given.daily_subdomain)
        if wrong:
            told = f"The Daily key belongs to {call.room.subdomain}.daily.co, not to {given.daily_subdomain}.daily.co."
            raise SettingsWrong(told, code="daily_subdomain", hint="Correct DAILY_SUBDOMAIN or DAILY_API_KEY in .env.")
        bot = self._daily.token(room_name=call.room.name, owner=True, expires_at=until, user_name="Avatar")
        if private:
            viewer = self._daily.token(room_name=call.room.name, owner=False, expires_at=until, user_name="Guest")
            call.token = viewer.value
        return WorkerPlan(
            transport="daily",
            room_url=call.room.url,
            room_token=bot.value,
            stt=Service("deepgram", _secret(given.deepgram_api_key)),
            llm=Service("openai", _secret(given.chat_api_key), given.chat_base_url, given.chat_model),
            tts=self._voice(),
            **common,
        )

    def _voice(self) -> Service:
        given = self._settings
        if given.cartesia_api_key and given.cartesia_voice_id:
            return Service("cartesia", _secret(given.cartesia_api_key), voice=given.cartesia_voice_id)
        return Service("elevenlabs", _secret(given.elevenlabs_api_key), voice=given.elevenlabs_voice_id)


def error_of(event: Mapping[str, Any]) -> GreenroomError:
    """A worker's error as one of ours, so that it has the words and the hint that this failure has everywhere."""
    code, message = str(event.get("code", "worker")), str(event.get("message", "The worker failed."))
    if code == "tavus_refused":
        headers = {"content-type": str(event.get("kind", ""))}
        answer = Answer(int(event.get("status", 0)), headers, str(event.get("body", "")).encode())
        return faults.error_for(answer, who="Tavus", reads=False, names_one=False)
    if code == "import":
        return _refusal(of_import(str(event.get("told", "")), machine()))
    if code == "not_sent":
        reason = unreached.REASONS.get(str(event.get("why")), unreached.REFUSED)
        hint = f"{reason.hint(TAVUS)} {unreached.NOTHING_SENT}"
        return NotSent(f"Tavus can't be reached: {reason.told}.", code=reason.code, hint=hint)
    if code == "ambiguous":
        return Ambiguous(message, code="no_answer")
    hints = {
        "no_replica": "The call was ended. Look at the replica on the Replicas page, then start again.",
        "daily_join": "The call was ended. Check DAILY_SUBDOMAIN, and that this network lets UDP through.",
    }
    return UpstreamError(message, code=code, hint=hints.get(code, "The call was ended. Diagnostics says more."))


def _refusal(cause: Cause) -> SettingsWrong:
    return SettingsWrong(cause.cause, code=cause.code, hint=f"{cause.fix} {cause.works}")


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""
