"""Runs the checks side by side and keeps the last report. Every check is free and shows no secret.

They only read, but for a Daily room that is made and deleted again where Daily's key is set.
"""

from __future__ import annotations

import functools
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lib.clients.chat import ChatClient
from lib.clients.daily import Daily
from lib.clients.tavus import Tavus
from lib.doctor import bare
from lib.doctor.causes import GUIDE, Cause
from lib.doctor.machine import Machine, machine, versions
from lib.doctor.modes import ModeFacts, ModeStanding, ModeState, in_cluster, matrix
from lib.doctor.probe import Probe, probe, worker_python
from lib.doctor.report import (
    CheckId,
    CheckResult,
    HealthCheck,
    Report,
    SettingRow,
    report_json,
    report_markdown,
    verdict,
)
from lib.errors import GreenroomError, StoreRefused
from lib.services.calls.background.sweeper import BackgroundWatch
from lib.services.calls.limits import Allowance
from lib.services.diagnostics import local
from lib.services.diagnostics.configuration import Configuration
from lib.services.diagnostics.daily_checks import DailyChecks
from lib.services.diagnostics.upstream import UpstreamChecks, failed
from lib.settings import Loaded
from lib.store.database import Store

__all__ = (
    "CheckId",
    "CheckResult",
    "Diagnostics",
    "HealthCheck",
    "ModeStanding",
    "ModeState",
    "Report",
    "SettingRow",
    "report_json",
    "report_markdown",
)  # fmt: skip

log = logging.getLogger(__name__)

PACKAGES = (
    "streamlit", "starlette", "uvicorn", "requests", "urllib3", "pydantic-settings", "SQLAlchemy", "alembic", "pandas",
)  # fmt: skip
NEEDED = {CheckId.TAVUS, CheckId.SANDBOX, CheckId.REPLICAS, CheckId.DATABASE}
"""What every avatar mode needs."""
Checking = Callable[[], list[HealthCheck]]


class Diagnostics:
    """`root` is the project's folder, `chat` the endpoint of text chat, `allowance` what the guard leaves,
    `missing_keys` the settings that pipecat_daily needs and does not have, `daily` None where no key of it is set,
    `workers` asks the cluster that workers run in for ours, None where they run on this machine,
    `standings` what each mode says of itself on this machine,
    `moved` what tells which inner parts of Streamlit were not found, None where no dashboard runs,
    `background` tells how the sweeper of this process goes, None where it has none,
    `open_store` what opens the database where nobody did so before: its server may be silent like any other.

    `limit_s` is how long a run waits; a check that is not done by then is reported as such and ends by itself.
    """

    def __init__(
        self,
        *,
        loaded: Loaded,
        tavus: Tavus,
        store: Store,
        root: Path,
        chat: ChatClient | None = None,
        allowance: Callable[[], Allowance] | None = None,
        missing_keys: Callable[[], Sequence[str]] = tuple,
        daily: Daily | None = None,
        workers: Callable[[], Sequence[object]] | None = None,
        moved: Callable[[], Sequence[local.Moved]] | None = None,
        open_store: Callable[[], None] = lambda: None,
        standings: Callable[[ModeFacts], tuple[ModeState, ...]] = matrix,
        background: Callable[[], BackgroundWatch] | None = None,
        limit_s: float = 5.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._loaded = loaded
        self._store = store
        self._root = root
        self._chat = chat
        self._allowance = allowance
        self._missing_keys = missing_keys
        self._daily = daily
        self._workers = workers
        self._moved = moved
        self._open_store = open_store
        self._standings = standings
        self._background = background
        self._limit_s = limit_s
        self._clock = clock
        self._upstream = UpstreamChecks(loaded, tavus)
        self._configuration = Configuration(loaded)
        self._running = threading.Lock()
        self._last: Report | None = None
        self._worker: Probe | None = None

    def run(self, max_age_s: float | None = 30.0) -> Report:
        """The last report if it is at most `max_age_s` old (None: of any age), else a new one.

        A new one costs three requests to Tavus at most, four to Daily, and up to `limit_s` seconds. Callers at the
        same time share it. Never raises a GreenroomError: what fails is a check that failed.
        """
        asked = self._clock()
        with self._running:
            last = self._last
            if last is not None and (max_age_s is None or (asked - last.at).total_seconds() <= max_age_s):
                return last
            self._last = self._made()
            return self._last

    def guide(self) -> str:
        """Which mode runs on which system and what was tried, as Markdown without its title; "" where it is missing."""
        try:
            _title, _, rest = (self._root / GUIDE).read_text(encoding="utf-8").partition("\n")
        except OSError:
            return ""
        return rest.strip()

    def _made(self) -> Report:
        at, started, here = self._clock(), time.monotonic(), machine()
        where: tuple[CheckId, Checking] = (CheckId.WORKER, lambda: [self._tried_worker(here)])
        if self._workers:
            where = (CheckId.CLUSTER, self._asked_cluster)
        checks = local.settings(self._loaded) + self._side_by_side(
            [
                (self._upstream.id, self._upstream.run),
                (CheckId.DATABASE, self._database),
                (CheckId.MODE, lambda: [local.mode(self._loaded, self._missing_keys())]),
                (CheckId.DAILY, self._asked_daily),
                (CheckId.CALLS, self._calls),
                (CheckId.BACKGROUND, lambda: [local.background(self._background())] if self._background else []),
                (CheckId.CHAT, lambda: [local.chat(self._chat)]),
                (CheckId.CALLBACKS, lambda: [local.callbacks(self._loaded.settings)]),
                where,
                (CheckId.INNER, self._inner_parts),
                (CheckId.MACHINE, lambda: [bare.this_machine(here)]),
            ]
        )
        hide = self._configuration.hide
        checks = [replace(check, evidence=hide(check.evidence), fix=hide(check.fix)) for check in checks]
        sandbox = self._loaded.settings.sandbox
        ready = "Ready, on the sandbox: nothing is billed." if sandbox else "Ready for live calls."
        told, result = verdict(checks, ready=ready)
        return Report(
            at=at,
            took_s=time.monotonic() - started,
            verdict=told,
            result=result,
            checks=tuple(checks),
            configuration=tuple(self._configuration.rows()),
            versions=versions(PACKAGES),
            modes=self._standings(
                ModeFacts(
                    here,
                    self._worker,
                    refused=_refusal(self._loaded, checks),
                    missing_keys=self._missing_keys(),
                    sandbox=sandbox,
                    elsewhere=_in_cluster(checks),
                )
            ),
        )

    def _database(self) -> list[HealthCheck]:
        self._open_store()
        return [local.database(self._store)]

    def _asked_daily(self) -> list[HealthCheck]:
        if self._daily is None:
            return []
        return DailyChecks(self._daily, self._loaded.settings, self._clock).run()

    def _calls(self) -> list[HealthCheck]:
        if self._allowance is None:
            return []
        try:
            return [local.calls(self._allowance())]
        except StoreRefused:
            return [HealthCheck(CheckId.CALLS, CheckResult.SKIP, "Not counted, since Database is to be fixed first.")]

    def _asked_cluster(self) -> list[HealthCheck]:
        assert self._workers is not None
        return [local.cluster(self._workers(), self._loaded.settings.kubernetes_namespace)]

    def _inner_parts(self) -> list[HealthCheck]:
        if self._moved is None:
            return []
        try:
            pinned = bare.pinned(self._root).get("streamlit", "")
        except OSError:
            pinned = ""
        return [local.inner_parts(self._moved(), versions(["streamlit"])["streamlit"], pinned)]

    def _tried_worker(self, here: Machine) -> HealthCheck:
        self._worker = probe(worker_python(self._root, self._loaded.settings.pipecat_python), here, root=self._root)
        return bare.worker(here, self._worker)

    def _side_by_side(self, jobs: list[tuple[CheckId, Checking]]) -> list[HealthCheck]:
        """The checks of all jobs in the order of the jobs. Daemon threads: a hanging one must not hold up Ctrl-C."""
        done: queue.SimpleQueue[tuple[CheckId, list[HealthCheck]]] = queue.SimpleQueue()
        for check_id, job in jobs:
            run = functools.partial(_put, done, check_id, job)
            threading.Thread(target=run, name=f"greenroom-check-{check_id}", daemon=True).start()
        until = time.monotonic() + self._limit_s
        found: dict[CheckId, list[HealthCheck]] = {}
        while len(found) < len(jobs):
            try:
                check_id, checks = done.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            found[check_id] = checks
        return [check for check_id, _ in jobs for check in found.get(check_id, [self._late(check_id)])]

    def _late(self, check_id: CheckId) -> HealthCheck:
        if check_id is CheckId.WORKER:
            # Its packages are large, and most calls need none of them.
            return HealthCheck(
                check_id, CheckResult.SKIP, "Its packages are still loading.", "Run the checks again in a moment."
            )
        told = f"No answer within {self._limit_s:g} s."
        return HealthCheck(check_id, CheckResult.FAIL, told, "Check the network, then run the checks again.")


def _put(done: queue.SimpleQueue[tuple[CheckId, list[HealthCheck]]], check_id: CheckId, job: Checking) -> None:
    done.put((check_id, _tried(check_id, job)))


def _tried(check_id: CheckId, job: Checking) -> list[HealthCheck]:
    try:
        return job()
    except GreenroomError as error:
        return [failed(check_id, error)]
    except Exception:
        log.exception("the check %s broke", check_id)
        return [HealthCheck(check_id, CheckResult.FAIL, "Greenroom failed while it checked.", "See the server's log.")]


def _in_cluster(checks: list[HealthCheck]) -> ModeState | None:
    """What came of asking the cluster, None where workers run on this machine."""
    for check in checks:
        if check.id is CheckId.CLUSTER:
            passed = check.result is CheckResult.PASS
            return in_cluster("" if passed else check.evidence, check.fix or "Run the checks again.")
    return None


def _refusal(loaded: Loaded, checks: list[HealthCheck]) -> Cause | None:
    """Why no avatar can start, whatever its mode."""
    if loaded.problems:
        names = ", ".join(problem.name for problem in loaded.problems)
        return Cause("settings", f"No avatar starts until this is mended: {names}.", "Mend it in .env and restart.")
    for check in checks:
        if check.result is CheckResult.FAIL and check.id in NEEDED:
            return Cause("refused", check.evidence, check.fix)
    return None
