"""Tavus inside the process, by a clock in the test's hand: what the state machine's histories are played against.

It stands where the HTTP transport stands, so that Greenroom's own client reads its pages and parses its rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lib.clients.tavus import ConversationsApi, PersonasApi
from lib.clients.transport import Success
from lib.errors import Ambiguous, KeyRefused, NotFound, NotSent, RateLimited

BEGAN = datetime(2026, 1, 1, 9, tzinfo=UTC)


class Killed(BaseException):
    """The process dies here: no code of ours catches it."""


@dataclass
class Clocks:
    """The wall clock, which jumps, and a watch, which does not."""

    began: datetime = BEGAN
    watch_s: float = 0.0
    off: timedelta = timedelta(0)

    def wall(self) -> datetime:
        return self.began + timedelta(seconds=self.watch_s) + self.off

    def watch(self) -> float:
        return self.watch_s


@dataclass
class Call:
    """A conversation. Times are the watch's. `posted_at` is when it was asked for, None for somebody else's."""

    id: str
    name: str
    made_at: float
    posted_at: float | None
    absent_s: float
    ended_at: float | None = None
    reason: str = ""
    by_us: bool = False
    joined: bool = False


@dataclass
class Upstream:
    """`outcome` is what becomes of the next POST; `lists`, `gets` and `ends` are what is wrong with those, "" nothing.

    `lag_s`: a list shows a call that long after it was made. `before_post` and `after_made` are told at those moments.
    """

    clocks: Clocks
    outcome: str = "ok"
    late_s: float = 0.0
    lists: str = ""
    gets: str = ""
    ends: str = ""
    lag_s: float = 0.0
    before_post: Callable[[str], None] = lambda _: None
    after_made: Callable[[], None] = lambda: None
    posts: list[str] = field(default_factory=list)
    calls: dict[str, Call] = field(default_factory=dict)
    coming: list[tuple[float, str, float, float]] = field(default_factory=list)
    base_url: str = "http://127.0.0.1:1/v2"
    who: str = "Tavus"

    @property
    def conversations(self) -> ConversationsApi:
        return ConversationsApi(self)  # type: ignore[arg-type]

    @property
    def personas(self) -> PersonasApi:
        return PersonasApi(self)  # type: ignore[arg-type]

    replicas = personas
    """Nobody asks for them here, but the catalogue wants to know where it would."""

    def tick(self) -> None:
        """Do what is due: calls that come late, calls that nobody joins."""
        now = self.clocks.watch_s
        for one in [one for one in self.coming if one[0] <= now]:
            self.coming.remove(one)
            due, name, posted_at, absent_s = one
            self._make(name, posted_at, absent_s, at=due)
        for call in self.calls.values():
            empty = call.posted_at is not None and not call.joined
            if call.ended_at is None and empty and now >= call.made_at + call.absent_s:
                self._end(call, "participant_absent_timeout", call.made_at + call.absent_s)

    def request(
        self,
        method: str,
        route: str,
        parse: Callable[[Success], Any],
        *,
        query: Any = None,
        body: Any = None,
        **ids: str,
    ) -> Any:
        self.tick()
        if route.startswith("/personas"):
            return parse(Success(200, {"persona_id": ids["persona_id"], "persona_name": "Guide", "layers": {}}))
        if method == "POST" and route == "/conversations":
            return parse(Success(200, self._create(body)))
        if route == "/conversations":
            return parse(Success(200, self._list(query)))
        call = self.calls.get(ids["conversation_id"])
        if call is None:
            raise NotFound("There is none.")
        if route.endswith("/end"):
            self._asked_to_end(call)
            return parse(Success(200, None))
        if self.gets:
            raise KeyRefused("No.", status=401) if self.gets == "401" else Ambiguous("Lost.")
        return parse(Success(200, self._row(call, verbose=True)))

    def _create(self, body: dict[str, Any]) -> Any:
        name, now = body["conversation_name"], self.clocks.watch_s
        absent_s = float(body["properties"]["participant_absent_timeout"])
        self.posts.append(name)
        self.before_post(name)
        outcome, self.outcome = self.outcome, "ok"
        if outcome == "dies before":
            raise Killed
        if outcome == "not sent":
            raise NotSent("Refused.")
        if outcome == "rejected":
            raise RateLimited("Slow down.", status=429, retry_after_s=3)
        if outcome == "late":
            self.coming.append((now + self.late_s, name, now, absent_s))
        made = None if outcome in ("late", "lost") else self._make(name, now, absent_s, at=now)
        if outcome == "swept meanwhile":
            self.after_made()
        if outcome == "dies after":
            raise Killed
        if outcome in ("late", "lost", "made and lost"):
            raise Ambiguous("No answer in time.")
        assert made is not None
        return {} if outcome == "unreadable" else self._row(made)

    def _make(self, name: str, posted_at: float | None, absent_s: float, *, at: float) -> Call:
        call = Call(f"c{len(self.calls)}x{id(self) % 100_000}", name, at, posted_at, absent_s)
        self.calls[call.id] = call
        return call

    def foreign(self, count: int) -> None:
        for number in range(count):
            self._make(f"Somebody else's {number}", None, 0.0, at=self.clocks.watch_s)

    def _list(self, query: dict[str, Any]) -> Any:
        if self.lists == "fail" or (self.lists == "half" and query["page"] > 1):
            raise Ambiguous("Failed.", status=500)
        shown = [call for call in self.calls.values() if self.clocks.watch_s >= call.made_at + self.lag_s]
        rows = [self._row(call) for call in sorted(shown, key=lambda call: -call.made_at)]
        rows = [row for row in rows if query.get("status") in (None, row["status"])]
        start = (max(query["page"], 1) - 1) * query["limit"]
        return {"data": rows[start : start + query["limit"]], "total_count": len(rows)}

    def _asked_to_end(self, call: Call) -> None:
        if self.ends == "fail":
            raise Ambiguous("Failed.", status=500)
        if self.ends == "401":
            raise KeyRefused("No.", status=401)
        call.by_us = True
        self._end(call, "end_conversation_endpoint_hit", self.clocks.watch_s)
        if self.ends == "done but fails":
            raise Ambiguous("Lost.")

    def _end(self, call: Call, reason: str, at: float) -> None:
        if call.ended_at is None:
            call.ended_at, call.reason = at, reason

    def _row(self, call: Call, *, verbose: bool = False) -> dict[str, Any]:
        row: dict[str, Any] = {
            "conversation_id": call.id,
            "conversation_name": call.name,
            "conversation_url": f"http://127.0.0.1:1/room/{call.id}",
            "status": "active" if call.ended_at is None else "ended",
            "created_at": self._stamp(call.made_at),
            "persona_id": "p1",
        }
        if verbose:
            events: list[tuple[str, float, dict[str, str]]] = [("system.replica_joined", call.made_at, {})]
            if call.ended_at is not None:
                events.append(("system.shutdown", call.ended_at, {"shutdown_reason": call.reason}))
            row["events"] = [
                {"event_type": kind, "timestamp": self._stamp(at), "properties": told} for kind, at, told in events
            ]
        return row

    def _stamp(self, at: float) -> float:
        return (self.clocks.began + timedelta(seconds=at)).timestamp()
