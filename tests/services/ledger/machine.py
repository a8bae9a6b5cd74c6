"""Random histories of a console, its processes and Tavus, played by the real services on a real database.

After every step the invariants of the ledger hold; at the end of each history, once nothing is wrong any more, it has
come to rest: no call runs, none is forgotten, and what each cost is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import SecretStr
from sqlalchemy import Connection, bindparam, delete, event, select

from lib import wiring
from lib.errors import GreenroomError, StoreRefused
from lib.models import Agent, CallSettings, Status
from lib.services.agents.service import Agents
from lib.services.catalogue.catalogue import Catalogue
from lib.services.ledger.ledger import Ledger
from lib.settings import Loaded, Settings
from lib.store import agents as agent_rows
from lib.store import schema
from lib.store.database import Store
from tests.services.ledger.upstream import BEGAN, Call, Clocks, Killed, Upstream

MOST_CALLS = 2
HORIZON_S, GRACE_S, INTERVAL_S, ABSENT_S = 60.0, 40.0, 5.0, 90
LONGEST_LAG_S = 20.0
PAGE_ROWS = 4
UNWATCHED_ROUNDS = 34
"""A dead leader's lease, a dead process's start, the grace, two intervals: so long after the last viewer left."""

HOUR_ROUNDS = int(3600 / (3 * INTERVAL_S)) + 20
SETTLED = (Status.ENDED.value, Status.FAILED.value)
OUTCOMES = (
    "ok", "ok", "ok", "ok", "not sent", "rejected", "lost", "made and lost", "unreadable", "late", "late",
    "dies before", "dies after", "swept meanwhile", "disk",
)  # fmt: skip


_ROWS = select(
    schema.sessions.c.id,
    schema.sessions.c.status,
    schema.sessions.c.conversation_id,
    schema.sessions.c.reason_code,
    schema.sessions.c.end_code,
    schema.sessions.c.waiting_at,
    schema.sessions.c.ended_at,
).where(schema.sessions.c.account == bindparam("account"), schema.sessions.c.mode != "text")


class Now(Executor):
    """Does at once what is submitted; who is killed in it is killed."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class Disk(Store):
    """A database whose writes can be made to fail, and which does not wait for the disk."""

    broken = 0

    @contextmanager
    def writing(self, *, durable: bool = True, listed: bool = True) -> Iterator[Connection]:
        if self.broken > 0:
            self.broken -= 1
            raise StoreRefused("The disk is full.")
        with super().writing(durable=durable, listed=listed) as connection:
            yield connection

    @contextmanager
    def _haste(self, connection: Connection, wanted: bool) -> Iterator[None]:
        yield


def disk(root: Path) -> Disk:
    """An open one, for all histories of a test."""
    made = Disk("sqlite:///machine.db", root=root)
    made.open()

    def timeout(raw: Any, _: object) -> None:
        raw.execute("PRAGMA synchronous=OFF")

    event.listen(made.engine, "connect", timeout)
    made.engine.dispose()
    return made


class Process:
    """One process of Greenroom. Its threads do not run: the machine looks in their stead."""

    def __init__(self, store: Store, account: str, upstream: Upstream, clocks: Clocks, **limits: int) -> None:
        values: dict[str, Any] = {
            "tavus_api_key": SecretStr("tvsk_machine_0123"),
            "tavus_base_url": upstream.base_url,
            "max_concurrent_calls": MOST_CALLS,
            "daily_minutes": 100_000,
            "max_starts_per_minute": 600,
            "absent_timeout_s": ABSENT_S,
            "sweep_interval_s": INTERVAL_S,
            "reconcile_horizon_s": HORIZON_S,
            "watch_grace_s": GRACE_S,
        }
        settings = Settings(**{**values, **limits})
        self.ledger = Ledger(store, account, settings.limits, clocks.wall)
        made = wiring.calls_of(
            Loaded(settings),
            self.ledger,
            upstream,  # type: ignore[arg-type]
            agents=Agents(store, account=account, most=settings.limits, clock=clocks.wall),
            catalogue=Catalogue(upstream),  # type: ignore[arg-type]
            monotonic=clocks.watch,
            pool=Now(),
        )
        self.sessions, self.sweeper, self.gate = made.sessions, made.sweeper, made.gate
        self.round()

    @property
    def ready(self) -> bool:
        return self.gate.ready.is_set()

    def round(self) -> None:
        """One turn of the sweeper's own loop."""
        with suppress(StoreRefused):
            self.sweeper.round()
        if self.sweeper._lease.leads or self.sweeper._lease.alive:
            self.gate.ready.set()


class LedgerMachine(RuleBasedStateMachine):
    """`store` is set by the test, and shared: each history has an account of its own in it."""

    store: ClassVar[Disk]
    histories: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        LedgerMachine.histories += 1
        self.account = f"history-{LedgerMachine.histories}"
        self.clocks = Clocks(BEGAN + timedelta(days=LedgerMachine.histories))
        self.up = Upstream(self.clocks, before_post=self._on_disk_first, after_made=self._sweep_all)
        self.store.broken = 0
        self.prefix = self.store.meta("prefix")
        self.clicks: dict[str, str] = {}
        self.others = 0
        self.lost_rows: set[str] = set()
        self.watched: set[str] = set()
        self.unwritten: list[str] = []
        self.agent = Agent(
            f"a{LedgerMachine.histories}", "Demo", "p1", "r1", CallSettings(), self.clocks.wall(), self.clocks.wall()
        )
        with self.store.writing() as connection:
            agent_rows.add(connection, self.account, self.agent)
        self.processes = [self._process()]

    @initialize(lag_s=st.sampled_from((0.0, 0.0, LONGEST_LAG_S)), two=st.booleans())
    def world(self, lag_s: float, two: bool) -> None:
        self.up.lag_s = lag_s
        if two:
            self.processes.append(self._process())
            self.processes[1].round()

    # What people do

    @rule(outcome=st.sampled_from(OUTCOMES), late_s=st.sampled_from((10.0, 35.0, 75.0, 200.0)), who=st.integers(0, 1))
    def click(self, outcome: str, late_s: float, who: int) -> None:
        token = f"{self.account}-{len(self.clicks)}"
        self.up.outcome, self.up.late_s = outcome, late_s
        self._start(token, who)

    @precondition(lambda self: self.clicks)
    @rule(number=st.integers(0, 20), who=st.integers(0, 1))
    def click_again(self, number: int, who: int) -> None:
        """The same click once more: a rerun, a second tab, a caller that tries again."""
        token = list(self.clicks)[number % len(self.clicks)]
        if self.clicks[token] not in self.lost_rows:
            self._start(token, who)

    @precondition(lambda self: self.clicks)
    @rule(number=st.integers(0, 3), who=st.integers(0, 1))
    def end(self, number: int, who: int) -> None:
        with suppress(GreenroomError):
            self._of(who).sessions.end(self._one(number))

    @precondition(lambda self: self.clicks)
    @rule(number=st.integers(0, 3), who=st.integers(0, 1))
    def watch(self, number: int, who: int) -> None:
        session_id = self._one(number)
        self.watched.add(session_id)
        self._of(who).sessions.follow(session_id, session_id, lambda: session_id in self.watched)

    @rule()
    def leave(self) -> None:
        self.watched.clear()

    @rule()
    def somebody_joins(self) -> None:
        """Whoever runs now has somebody in its room, who stays: Tavus's own timers do not end it soon."""
        for call in self._ours():
            call.joined = call.joined or call.ended_at is None

    # What time does

    @rule(rounds=st.sampled_from((1, 4, 14)))
    def sweep(self, rounds: int) -> None:
        for _ in range(rounds):
            self.clocks.watch_s += INTERVAL_S
            self._sweep_all()

    @rule(seconds=st.sampled_from((1.0, 30.0, 120.0)))
    def nobody_looks(self, seconds: float) -> None:
        """The processes stand still, as on a laptop that is shut."""
        self.clocks.watch_s += seconds

    @rule(hours=st.sampled_from((-1, 1)))
    def clock_jumps(self, hours: int) -> None:
        self.clocks.off += timedelta(hours=hours)

    # What goes wrong

    @precondition(lambda self: self.others < 2 * PAGE_ROWS)
    @rule()
    def others_start(self) -> None:
        """Somebody else starts calls with the same account, more than a page of a list holds."""
        self.others += PAGE_ROWS + 1
        self.up.foreign(PAGE_ROWS + 1)

    @rule(
        lists=st.sampled_from(("", "fail", "half")),
        gets=st.sampled_from(("", "", "fail", "401")),
        ends=st.sampled_from(("", "", "fail", "done but fails", "401")),
    )
    def tavus_fails(self, lists: str, gets: str, ends: str) -> None:
        self.up.lists, self.up.gets, self.up.ends = lists, gets, ends

    @rule()
    def tavus_is_well(self) -> None:
        self.up.lists = self.up.gets = self.up.ends = ""

    @rule(who=st.integers(0, 1))
    def restart(self, who: int) -> None:
        self.processes[who % len(self.processes)] = self._process()

    @precondition(lambda self: self.clicks)
    @rule(number=st.integers(0, 3))
    def row_is_lost(self, number: int) -> None:
        """The database was restored from an old backup, and everything was started again."""
        session_id = self._one(number)
        self.lost_rows.add(session_id)
        with self.store.writing() as connection:
            connection.execute(delete(schema.sessions).where(schema.sessions.c.id == session_id))
        self.processes = [self._process() for _ in self.processes]

    # What must hold after each step

    @invariant()
    def the_intent_is_on_disk_before_anything_is_sent(self) -> None:
        assert self.unwritten == [], "a call was asked for whose intent is not on disk"

    @invariant()
    def i1_a_click_makes_at_most_one_call(self) -> None:
        names = [call.name for call in self._ours() if self._id_of(call) not in self.lost_rows]
        assert len(names) == len(set(names)), "I1: a click made two calls"

    @invariant()
    def i2_no_more_is_sent_than_was_clicked(self) -> None:
        assert len(self.up.posts) <= len(self.clicks), "I2: more was sent than was clicked"
        assert len(self.up.posts) == len(set(self.up.posts)), "I2: one start was sent twice"

    @invariant()
    def i3_no_more_run_at_once_than_the_limit(self) -> None:
        running = [call for call in self._ours() if call.ended_at is None and self._in_time(call)]
        known = [call for call in running if self._id_of(call) not in self.lost_rows]
        assert len(known) <= MOST_CALLS, "I3: more run at once than the limit"

    @invariant()
    def i7_nobody_elses_call_is_ended(self) -> None:
        foreign = [call for call in self.up.calls.values() if call.posted_at is None]
        assert not [call for call in foreign if call.by_us], "I7: somebody else's call was ended"

    @invariant()
    def nothing_is_given_up_that_was_made_within_the_horizon(self) -> None:
        given_up = {row.id for row in self._rows() if "not_created" in (row.reason_code, row.end_code)}
        wrong = [call.name for call in self._ours() if self._in_time(call) and self._id_of(call) in given_up]
        assert wrong == [], "a call that was made within the horizon was given up"

    @invariant()
    def what_is_said_to_have_ended_has_ended(self) -> None:
        for row in self._rows():
            if row.conversation_id and row.status in (Status.ENDED.value, Status.FAILED.value):
                ended_at = self.up.calls[row.conversation_id].ended_at
                assert ended_at is not None, "a call that runs is said to have ended"

    # What must hold at rest

    def teardown(self) -> None:
        try:
            self._comes_to_rest()
        finally:
            self._forget()

    def _comes_to_rest(self) -> None:
        self.tavus_is_well()
        self.store.broken = 0
        self.watched.clear()
        began = self.clocks.watch_s
        for number in range(80 + HOUR_ROUNDS):
            # What only an old backup could have known of is found by the list that is read once an hour.
            self.clocks.watch_s += INTERVAL_S if number < 80 else 3 * INTERVAL_S
            self._sweep_all()
            if number == UNWATCHED_ROUNDS:
                self._i6_nothing_runs_that_nobody_watches(began)
            if not self.up.coming and self._at_rest():
                break
        waiting = [row.status for row in self._rows() if row.status not in SETTLED]
        assert waiting == [], "I4: a session has not come to its end"
        assert [call.name for call in self._ours() if call.ended_at is None] == [], "I6: a call runs on"
        rows = {row.conversation_id: row for row in self._rows() if row.conversation_id}
        for call in self._ours():
            row = rows.get(call.id)
            assert row is not None, "I5: a call that was billed is in no session"
            assert row.waiting_at is not None and row.ended_at is not None, "I5: what a call cost is not known"
        self.i7_nobody_elses_call_is_ended()
        self.nothing_is_given_up_that_was_made_within_the_horizon()
        self.i1_a_click_makes_at_most_one_call()

    def _i6_nothing_runs_that_nobody_watches(self, since: float) -> None:
        old = [call for call in self._ours() if call.made_at < since and self._id_of(call) not in self.lost_rows]
        assert [call.name for call in old if call.ended_at is None] == [], "I6: a call runs unwatched"

    def _at_rest(self) -> bool:
        rows = self._rows()
        settled = all(row.status in SETTLED for row in rows)
        known = {row.conversation_id for row in rows}
        return settled and all(call.ended_at is not None and call.id in known for call in self._ours())

    # Helpers

    def _one(self, number: int) -> str:
        """A session of those that were started, in their order, one that runs before all others.

        Never by its id, which is drawn anew each time: a history that fails must fail again when it is played again.
        """
        running = {self._id_of(call) for call in self._ours() if call.ended_at is None}
        ids = sorted(self.clicks.values(), key=lambda session_id: session_id not in running)
        return ids[number % len(ids)]

    def _start(self, token: str, who: int) -> None:
        index = who % len(self.processes)
        if not self.processes[index].ready:
            return
        try:
            session = self.processes[index].sessions.start(self.agent.id, token=token)
        except Killed:
            self.processes[index] = self._process()
            session = self.processes[index].sessions.start(self.agent.id, token=token)
        finally:
            self.up.outcome = "ok"
            self.store.broken = 0
        self.clicks[token] = session.id

    def _on_disk_first(self, name: str) -> None:
        """At the POST: the row must be there already. From here on the disk may be full."""
        with self.store.reading() as connection:
            query = select(schema.sessions.c.id).where(schema.sessions.c.conversation_name == name)
            if connection.execute(query).one_or_none() is None:
                self.unwritten.append(name)
        if self.up.outcome == "disk":
            self.store.broken = 1

    def _sweep_all(self) -> None:
        for process in list(self.processes):
            process.round()

    def _process(self) -> Process:
        return Process(self.store, self.account, self.up, self.clocks)

    def _of(self, who: int) -> Process:
        return self.processes[who % len(self.processes)]

    def _ours(self) -> list[Call]:
        self.up.tick()
        return [call for call in self.up.calls.values() if call.posted_at is not None]

    def _id_of(self, call: Call) -> str:
        return call.name.removeprefix(f"{self.prefix}-").split(" ")[0]

    def _in_time(self, call: Call) -> bool:
        """Made, and shown by lists, within the horizon of its start."""
        assert call.posted_at is not None
        return call.made_at + self.up.lag_s <= call.posted_at + HORIZON_S

    def _rows(self) -> list[Any]:
        with self.store.reading() as connection:
            return list(connection.execute(_ROWS, {"account": self.account}))

    def _forget(self) -> None:
        self.store.broken = 0
        with self.store.writing() as connection:
            for table in (schema.sessions, schema.agents):
                connection.execute(delete(table).where(table.c.account == self.account))
