"""What works, what does not and what to do about it. Every check is free, reads only, and shows no secret."""

from __future__ import annotations

import functools
import logging
import queue
import re
import shutil
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from lib import doctor
from lib.clients.tavus import Tavus
from lib.errors import GreenroomError, NotFound, RateLimited
from lib.models import Mode
from lib.services.report import Check, Outcome, Report, Row
from lib.settings import DEFAULT, NAMES, OLDER_MODE, Loaded, Problem, secret_names
from lib.store.database import Store

log = logging.getLogger(__name__)

PACKAGES = (
    "streamlit", "starlette", "uvicorn", "requests", "urllib3", "pydantic-settings", "SQLAlchemy", "alembic", "pandas",
)  # fmt: skip
LITTLE_SPACE = 200 * 1024 * 1024
SLOW_MS = 2000
BASE_URL = "TAVUS_BASE_URL"
Checking = Callable[[], list[Check]]


class Diagnostics:
    """Runs the checks side by side and keeps the last report.

    `limit_s` is how long a run waits; a check that is not done by then is reported as such and ends by itself.
    """

    def __init__(
        self,
        *,
        loaded: Loaded,
        tavus: Tavus,
        store: Store,
        limit_s: float = 5.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._loaded = loaded
        self._tavus = tavus
        self._store = store
        self._limit_s = limit_s
        self._clock = clock
        self._running = threading.Lock()
        self._last: Report | None = None

    def run(self, max_age_s: float | None = 30.0) -> Report:
        """The last report if it is at most `max_age_s` old (None: of any age), else a new one.

        A new one costs three requests to Tavus at most and up to `limit_s` seconds. Callers at the same time share
        it. Never raises a GreenroomError: what fails is a check that failed.
        """
        asked = self._clock()
        with self._running:
            last = self._last
            if last is not None and (max_age_s is None or (asked - last.at).total_seconds() <= max_age_s):
                return last
            self._last = self._made()
            return self._last

    def _made(self) -> Report:
        at, started = self._clock(), time.monotonic()
        checks = self._settings() + self._side_by_side(
            [
                (self._other_side(), self._tavus_answers),
                ("Database", self._database),
                ("Avatar mode", self._mode),
                ("This machine", _machine),
            ]
        )
        checks = [Check(c.name, c.result, self._hide(c.evidence), self._hide(c.fix)) for c in checks]
        verdict, result = _verdict(checks, sandbox=self._loaded.settings.sandbox)
        return Report(
            at=at,
            took_s=time.monotonic() - started,
            verdict=verdict,
            result=result,
            checks=tuple(checks),
            configuration=tuple(self._configuration()),
            versions=doctor.versions(PACKAGES),
        )

    def _side_by_side(self, jobs: list[tuple[str, Checking]]) -> list[Check]:
        """The checks of all jobs in the order of the jobs. Daemon threads: a hanging one must not hold up Ctrl-C."""
        done: queue.SimpleQueue[tuple[str, list[Check]]] = queue.SimpleQueue()
        for name, job in jobs:
            run = functools.partial(_put, done, name, job)
            threading.Thread(target=run, name=f"greenroom-check-{name}", daemon=True).start()
        until = time.monotonic() + self._limit_s
        found: dict[str, list[Check]] = {}
        while len(found) < len(jobs):
            try:
                name, checks = done.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            found[name] = checks
        late = f"No answer within {self._limit_s:g} s."
        fix = "Check the network, then run the checks again."
        return [check for name, _ in jobs for check in found.get(name, [Check(name, Outcome.FAIL, late, fix)])]

    # checks

    def _settings(self) -> list[Check]:
        loaded = self._loaded
        found = [Check(p.name, Outcome.FAIL, p.message, p.hint) for p in loaded.problems]
        found += [Check(n.name, Outcome.LOOK, n.message) for n in loaded.notes]
        if found:
            return found
        given = sum(source != DEFAULT for source in loaded.sources.values())
        told = f"{given} set, the others at their defaults." if given else "Nothing is set; all at their defaults."
        return [Check("Settings", Outcome.PASS, told)]

    def _other_side(self) -> str:
        return "Sandbox" if self._loaded.settings.sandbox else "Tavus"

    def _tavus_answers(self) -> list[Check]:
        """Whether it answers, how fast, and what it has. The second question is only asked once the first is answered,
        so that one cause is one failure."""
        name = self._other_side()
        if self._contacts_nobody():
            told = f"Nothing is contacted until {BASE_URL} is corrected: no other address is used in its place."
            return [Check(part, Outcome.SKIP, told) for part in (name, "Replicas")]
        started = time.perf_counter()
        reached = _tried(name, self._personas)
        ms = (time.perf_counter() - started) * 1000
        if reached[0].result is not Outcome.PASS:
            return [*reached, Check("Replicas", Outcome.SKIP, f"Not asked, since {name} is to be fixed first.")]
        told = f"GET /personas answered in {ms:.0f} ms. {reached[0].evidence}"
        slow = ms > SLOW_MS and not self._loaded.settings.sandbox
        speed = Check(name, Outcome.LOOK, f"{told} That is slow.", "Check the network.")
        return [speed if slow else Check(name, Outcome.PASS, told), *_tried("Replicas", self._replicas)]

    def _contacts_nobody(self) -> bool:
        """True where the address of Tavus is wrong: a key must not go to an address that nobody asked for."""
        wrong = any(problem.name == BASE_URL for problem in self._loaded.problems)
        return not self._loaded.settings.sandbox and (wrong or not self._tavus.base_url)

    def _personas(self) -> list[Check]:
        count = self._tavus.personas.count()
        told = f"{count} personas. " if count >= 0 else ""
        sandbox = self._loaded.settings.sandbox
        known = "Nothing is billed; Tavus itself is not asked." if sandbox else "The key is accepted."
        return [Check(self._other_side(), Outcome.PASS, told + known)]

    def _replicas(self) -> list[Check]:
        wanted = self._loaded.settings.tavus_default_replica_id
        count = self._tavus.replicas.count()
        if count == 0:
            return [Check("Replicas", Outcome.FAIL, "The account has none.", "Make one in Tavus, or check the key.")]
        told = f"{count} can be used." if count > 0 else "There are some."
        if not wanted:
            return [Check("Replicas", Outcome.PASS, told)]
        fix = "Set TAVUS_DEFAULT_REPLICA_ID to one that is ready."
        try:
            replica = self._tavus.replicas.get(replica_id=wanted)
        except NotFound:
            return [Check("Replicas", Outcome.LOOK, f"{told} The default one, {wanted}, is gone.", fix)]
        if replica.ready:
            return [Check("Replicas", Outcome.PASS, f"{told} The default one, {wanted}, is ready.")]
        why = replica.error_message or replica.status or "no status"
        return [Check("Replicas", Outcome.LOOK, f"{told} The default one, {wanted}, is not ready: {why}.", fix)]

    def _database(self) -> list[Check]:
        try:
            described = self._store.describe()
        except DBAPIError as error:
            told = (str(error.orig).strip().splitlines() or ["no reason given"])[0][:200]
            fix = "Check that the database's file or server is there and not locked, then restart Greenroom."
            return [Check("Database", Outcome.FAIL, f"It does not answer: {told}.", fix)]
        free = _free_bytes(self._store.directory)
        size = _size(described.size_bytes + _log_bytes(described.url)) if described.size_bytes is not None else ""
        space = f"{_size(free)} free on its disk" if free is not None else ""
        where = _without_home(described.url)
        told = f"{', '.join(filter(None, (f'{where} at revision {described.revision}', size, space)))}."
        if described.revision != described.head:
            return [Check("Database", Outcome.FAIL, f"{told} Revision {described.head} is due.", "Restart Greenroom.")]
        if free is not None and free < LITTLE_SPACE:
            return [Check("Database", Outcome.LOOK, told, "Make room: once the disk is full, no session can start.")]
        return [Check("Database", Outcome.PASS, told)]

    def _mode(self) -> list[Check]:
        settings = self._loaded.settings
        mode = settings.tavus_avatar_mode
        limits = f"Calls end after {settings.max_call_s} s, or {settings.absent_timeout_s} s if nobody joins."
        if self._loaded.problems:
            told = f"{mode}, but no avatar starts until the settings are fixed. Sessions go on as text chat."
            return [Check("Avatar mode", Outcome.LOOK, told)]
        if mode is Mode.PIPECAT_DAILY:
            told = "pipecat_daily is not built into this version yet; sessions go on as text chat."
            if settings.tavus_avatar_fallback:
                told = f"pipecat_daily is not built into this version yet; {settings.tavus_avatar_fallback} is used."
            return [Check("Avatar mode", Outcome.LOOK, told, "Set TAVUS_AVATAR_MODE=phoenix_rest.")]
        return [Check("Avatar mode", Outcome.PASS, f"{mode}{' on the sandbox' if settings.sandbox else ''}. {limits}")]

    # configuration

    def _configuration(self) -> list[Row]:
        sources = self._loaded.sources
        problems = {problem.name: problem for problem in self._loaded.problems}
        rows = [
            self._wrong(problems[name])
            if name in problems
            else Row(name, self._shown(name), sources.get(name, DEFAULT))
            for name in NAMES
        ]
        # A file that can't be read at all is no setting, but all that it holds is missing here.
        return rows + [self._wrong(problem) for name, problem in problems.items() if name not in NAMES]

    def _wrong(self, problem: Problem) -> Row:
        """What was written, where the message quotes it (it may be a key in the wrong place), and what to do."""
        written = re.match(rf"{re.escape(problem.name)} in (.+?)(?: \((.*)\))? can't be used", problem.message)
        source = written[1].removeprefix("the ") if written else "–"
        shown = (written and written[2]) or "not shown, in case it is a key"
        return Row(
            problem.name,
            shown if written else "can't be read",
            source,
            problem=self._hide(f"{_cause(problem)} {problem.hint}"),
        )

    def _shown(self, name: str) -> str:
        settings = self._loaded.settings
        if name == OLDER_MODE:
            given = self._loaded.sources.get(name, DEFAULT) != DEFAULT
            return "see TAVUS_AVATAR_MODE" if given else "not set"
        if name == BASE_URL and settings.sandbox:
            return "the sandbox in this process"
        value = getattr(settings, name.lower())
        if name == "API_TOKEN" and value is None and settings.sandbox:
            return "not set: the sandbox's token is sandbox"
        if name == "DATABASE_URL":
            return _masked_url(value.get_secret_value()) or "data/greenroom.db"
        if isinstance(value, SecretStr):
            return _masked(value.get_secret_value())
        if value in (None, ""):
            return "not set"
        unit = " s" if name.endswith("_S") else " min a day" if name == "DAILY_MINUTES" else ""
        return f"{value:g}{unit}" if isinstance(value, float) else f"{value}{unit}"

    def _hide(self, text: str) -> str:
        """`text` without any secret, should one have come back in another side's words."""
        for name in secret_names():
            value = getattr(self._loaded.settings, name.lower())
            secret = value.get_secret_value() if isinstance(value, SecretStr) else ""
            if name == "DATABASE_URL":
                secret = _password(secret)
            if len(secret) >= 6:
                text = text.replace(secret, "***")
        return text


def _put(done: queue.SimpleQueue[tuple[str, list[Check]]], name: str, job: Checking) -> None:
    done.put((name, _tried(name, job)))


def _tried(name: str, job: Checking) -> list[Check]:
    try:
        return job()
    except RateLimited as error:
        return [Check(name, Outcome.LOOK, error.message, error.hint)]
    except GreenroomError as error:
        return [Check(name, Outcome.FAIL, error.message, error.hint)]
    except Exception:
        log.exception("the check %s broke", name)
        return [Check(name, Outcome.FAIL, "Greenroom failed while it checked.", "See the server's log.")]


def _verdict(checks: list[Check], *, sandbox: bool) -> tuple[str, Outcome]:
    def named(result: Outcome) -> list[str]:
        return list(dict.fromkeys(check.name for check in checks if check.result is result))

    if failed := named(Outcome.FAIL):
        things = "One thing" if len(failed) == 1 else f"{len(failed)} things"
        return f"Not ready for live calls. {things} to fix: {', '.join(failed)}.", Outcome.FAIL
    ready = "Ready, on the sandbox: nothing is billed." if sandbox else "Ready for live calls."
    if looks := named(Outcome.LOOK):
        things = "One thing" if len(looks) == 1 else f"{len(looks)} things"
        return f"{ready} {things} to check: {', '.join(looks)}.", Outcome.LOOK
    return ready, Outcome.PASS


def _machine() -> list[Check]:
    machine = doctor.machine()
    if not machine.python_fits:
        return [Check("This machine", Outcome.FAIL, f"{machine}.", "Install Python 3.11 or newer.")]
    return [Check("This machine", Outcome.PASS, f"{machine}.")]


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _cause(problem: Problem) -> str:
    """Why it can't be used, without the name and the value that stand beside it."""
    _, found, why = problem.message.partition(" can't be used: it must be ")
    return f"It must be {why}" if found else problem.message


def _log_bytes(url: str) -> int:
    """What SQLite has written and not yet put into the file itself; 0 where there is no such log."""
    try:
        return Path(f"{make_url(url).database}-wal").stat().st_size
    except OSError:
        return 0


def _size(count: float) -> str:
    for unit in ("kB", "MB"):
        count /= 1024
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "kB" else f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} GB"


def _masked(secret: str) -> str:
    """Enough to tell two keys apart, and never enough of a short one to guess it."""
    return f"set, ends in …{secret[-4:]}" if len(secret) >= 16 else "set"


def _password(url: str) -> str:
    user, at, _place = url.partition("://")[2].rpartition("@")
    return user.partition(":")[2] if at else ""


def _masked_url(url: str) -> str:
    """Without user, password and options."""
    scheme, _, rest = url.partition("://")
    _user, at, place = rest.rpartition("@")
    return _without_home(f"{scheme}://{'***@' if at else ''}{re.sub(r'[?].*', '', place)}") if url else ""


def _without_home(text: str) -> str:
    """The home folder's name is often its owner's."""
    return text.replace(Path.home().as_posix(), "~").replace(str(Path.home()), "~")
