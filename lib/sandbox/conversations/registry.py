"""The life of conversations: they are joined and left, end when their time is up, and say what happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lib.sandbox.clock.clock import Clock
from lib.sandbox.clock.timing import Timing
from lib.sandbox.conversations.events import Announcer
from lib.sandbox.conversations.model import Pending, RoomConversation
from lib.sandbox.conversations.tokens import Tokens
from lib.sandbox.room.view import CallView
from lib.sandbox.state import SandboxState
from lib.sandbox.wire.vocabulary import both

KIND = "conversation"


class CallBook:
    """All conversations. Implements `callview.Calls` for the room. Thread-safe; no method waits for anything.

    `changed` is called whenever a time to wake up may have come nearer.
    """

    def __init__(
        self,
        state: SandboxState,
        clock: Clock,
        announcer: Announcer,
        tokens: Tokens,
        *,
        timing: Timing,
        changed: Callable[[], None],
    ) -> None:
        self._state = state
        self._clock = clock
        self._announcer = announcer
        self._tokens = tokens
        self._timing = timing
        self._changed = changed
        self._lock = threading.RLock()
        self._calls: dict[str, RoomConversation] = {}
        self._forgotten_s = 0.0
        self.load()

    def load(self) -> None:
        """Begin with what the state holds."""
        with self._lock:
            rows = self._state.all(KIND)
            self._calls = {row["conversation_id"]: RoomConversation.load(row, time.monotonic()) for row in rows}
            self._forgotten_s = 0.0

    # What the API does

    def find(self, conversation_id: str) -> RoomConversation | None:
        """A deleted one is not found."""
        call = self._calls.get(conversation_id)
        return None if call is None or call.deleted else call

    def all(self) -> list[RoomConversation]:
        """Newest first."""
        with self._lock:
            calls = [call for call in self._calls.values() if not call.deleted]
        return sorted(calls, key=lambda call: call.created_at, reverse=True)

    def usage(self) -> tuple[int, float]:
        """Slots taken, and minutes used since the last reset."""
        with self._lock:
            now = self._clock.now()
            active = sum(call.active for call in self._calls.values())
            return active, (self._forgotten_s + sum(call.runtime_s(now) for call in self._calls.values())) / 60

    def open(self, call: RoomConversation) -> None:
        """Keep a new conversation; its replica is on the way (not in test mode)."""
        with self._lock:
            if call.test_mode:
                call.active = False
            else:
                self._expect(call, "system.replica_joined", self._timing.joined_s)
            self._calls[call.conversation_id] = call
            self._save(call)
        self._changed()

    def end(self, conversation_id: str, reason: str = "end_conversation_endpoint_hit") -> None:
        with self._lock:
            call = self.find(conversation_id)
            if call and call.active:
                self._end(call, reason, self._clock.now())
        self._changed()

    def delete(self, conversation_id: str, *, hard: bool) -> bool:
        """End it if it runs, and hide it; with `hard` nothing is kept. False if there is none (any more)."""
        with self._lock:
            call = self._calls.get(conversation_id)
            if call is None or (call.deleted and not hard):
                return False
            if call.active:
                self._end(call, "daily_room_has_been_deleted", self._clock.now())
            call.deleted = True
            if hard:
                self._forgotten_s += call.runtime_s(self._clock.now())
                del self._calls[conversation_id]
                self._state.delete(KIND, conversation_id)
            else:
                self._save(call)
            return True

    # What the room does: callview.Calls

    def view(self, conversation_id: str) -> CallView | None:
        with self._lock:
            self.tick()
            call = self.find(conversation_id)
            return None if call is None else self._view(call)

    def join(self, conversation_id: str) -> None:
        with self._lock:
            if call := self._active(conversation_id):
                call.present, call.last_beat = True, time.monotonic()
                if call.joined_at is None:
                    call.joined_at = self._clock.now()
                    if call.greeting:
                        call.add_turn("assistant", call.greeting, call.joined_at)
                self._save(call)
        self._changed()

    def beat(self, conversation_id: str) -> None:
        with self._lock:
            if call := self._active(conversation_id):
                call.last_beat = time.monotonic()
                if call.joined_at is not None and not call.present:
                    call.present = True
                    self._save(call)

    def leave(self, conversation_id: str) -> None:
        with self._lock:
            if call := self._active(conversation_id):
                self._left(call, self._clock.now())
        self._changed()

    def add_turn(self, conversation_id: str, role: str, content: str) -> None:
        with self._lock:
            if call := self._active(conversation_id):
                call.add_turn(role, content, self._clock.now())
                self._save(call)

    # What time does

    def tick(self) -> None:
        """Do what is due by now."""
        with self._lock:
            for call in [call for call in self._calls.values() if call.open]:
                self._tick(call)

    def wait_s(self) -> float | None:
        """Seconds until `tick` has something to do, None for never."""
        with self._lock:
            waits = [wait for call in self._calls.values() for wait in self._waits(call)]
        return min(waits, default=None)

    def _waits(self, call: RoomConversation) -> list[float]:
        waits = [pending.due - time.monotonic() for pending in call.pending]
        if call.active and call.present:
            waits.append(call.last_beat + self._timing.beat_s - time.monotonic())
        if call.active and not self._clock.frozen:
            waits.append(call.deadline()[0] - self._clock.now())
        return waits

    def _tick(self, call: RoomConversation) -> None:
        monotonic, now = time.monotonic(), self._clock.now()
        if call.active and call.present and monotonic >= call.last_beat + self._timing.beat_s:
            self._left(call, now)
        for pending in [one for one in call.pending if monotonic >= one.due]:
            call.pending.remove(pending)
            self._happen(call, pending.event_type, now)
        if call.active:
            at, reason = call.deadline()
            if now >= at:
                self._end(call, reason, at)

    def _active(self, conversation_id: str) -> RoomConversation | None:
        self.tick()
        call = self.find(conversation_id)
        return call if call and call.active else None

    def _left(self, call: RoomConversation, at: float) -> None:
        if call.present:
            call.present, call.left_at = False, at
            self._save(call)
            self._tick(call)

    def _end(self, call: RoomConversation, reason: str, at: float) -> None:
        call.active, call.present = False, False
        call.ended_at, call.shutdown_reason = at, reason
        call.pending.clear()
        self._happen(call, "system.shutdown", at)
        self._expect(call, "application.transcription_ready", self._timing.transcript_s)
        if call.perceives():
            self._expect(call, "application.perception_analysis", self._timing.perception_s)
        self._save(call)

    def _expect(self, call: RoomConversation, event_type: str, wait_s: float) -> None:
        call.pending.append(Pending(event_type, wait_s, time.monotonic() + wait_s))

    def _happen(self, call: RoomConversation, event_type: str, at: float) -> None:
        self._announcer.happen(call, event_type, at)
        self._save(call)

    def _save(self, call: RoomConversation) -> None:
        self._state.put(KIND, call.conversation_id, call.dump())

    def _view(self, call: RoomConversation) -> CallView:
        properties = call.properties
        return CallView(
            conversation_id=call.conversation_id,
            name=call.conversation_name,
            active=call.active,
            shutdown_reason=call.shutdown_reason,
            persona=both(call.part),
            replica=both(call.replica),
            greeting=call.greeting,
            context=call.context,
            language=str(properties.get("language") or "English"),
            captions=bool(properties.get("enable_closed_captions")),
            audio_only=call.audio_only,
            greenscreen=bool(properties.get("apply_greenscreen")),
            meeting_token=self._tokens.make(call) if call.require_auth else "",
            now=self._clock.now(),
            created_at=call.created_at,
            joined_at=call.joined_at,
            joins_before=call.created_at + call.absent_s,
            ends_at=call.created_at + call.max_call_s,
            closes_at=call.deadline()[0],
            turns=tuple((turn["role"], turn["content"]) for turn in call.turns),
        )
