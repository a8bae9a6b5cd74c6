"""What can be told on this machine without asking Tavus: settings, database, mode, callbacks, chat."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import requests
from sqlalchemy import make_url

from lib.clients.chat import ChatClient
from lib.doctor.report import CheckId, CheckResult, HealthCheck
from lib.errors import StoreRefused
from lib.models import Mode
from lib.services.calls.background.sweeper import BackgroundWatch
from lib.services.calls.limits import Allowance
from lib.services.chat.scripted.phrasebook import Phrasebooks, phrasebooks
from lib.services.diagnostics.configuration import without_home
from lib.settings import DEFAULT, Loaded, Settings
from lib.store.database import NOT_OPENED, Store

LATE_ROUND_S = 60.0
LITTLE_SPACE = 200 * 1024 * 1024


class Moved(Protocol):
    """A part of another library that is not where it was: its name, what is lost without it, and the error."""

    name: str
    without: str
    lost: str


def inner_parts(moved: Sequence[Moved], installed: str, pinned: str) -> HealthCheck:
    """Whether all parts are there that Greenroom reaches for inside the `installed` Streamlit. None is needed."""
    if not moved:
        return HealthCheck(
            CheckId.INNER, CheckResult.PASS, f"Streamlit {installed}: all are where Greenroom looks for them."
        )
    count = "One has" if len(moved) == 1 else f"{len(moved)} have"
    each = " ".join(f"{part.name} ({without_home(part.lost)}): {part.without}" for part in moved)
    told = f"Streamlit {installed}: {count} moved, and everything works without. {each}"
    return HealthCheck(
        CheckId.INNER,
        CheckResult.LOOK,
        told,
        f"Greenroom is made for Streamlit {pinned}: pip install -r requirements.txt",
    )


def settings(loaded: Loaded) -> list[HealthCheck]:
    """Wrong values, and what was read in another way than it was written."""
    found = [HealthCheck(p.name, CheckResult.FAIL, p.message, p.hint) for p in loaded.problems]
    found += [HealthCheck(n.name, CheckResult.LOOK, n.message) for n in loaded.notes]
    if found:
        return found
    given = sum(source != DEFAULT for source in loaded.sources.values())
    told = f"{given} set, the others at their defaults." if given else "Nothing is set; all at their defaults."
    return [HealthCheck(CheckId.SETTINGS, CheckResult.PASS, told)]


def database(store: Store) -> HealthCheck:
    """Whether it answers, at which revision, how large, the room on its disk, and which conversations are its own.

    Raises StoreRefused.
    """
    try:
        described = store.describe()
    except StoreRefused as error:
        if error.code != NOT_OPENED:
            raise
        return HealthCheck(CheckId.DATABASE, CheckResult.SKIP, "There is none yet: it is made at the first start.")
    free = _free_bytes(store.directory)
    size = _size(described.size_bytes + _log_bytes(described.url)) if described.size_bytes is not None else ""
    space = f"{_size(free)} free on its disk" if free is not None else ""
    where = without_home(described.url)
    told = f"{', '.join(filter(None, (f'{where} at revision {described.revision}', size, space)))}."
    told += f" Conversations named {described.prefix}-… are its own." if described.prefix else ""
    if described.revision != described.head:
        return HealthCheck(
            CheckId.DATABASE, CheckResult.FAIL, f"{told} Revision {described.head} is due.", "Restart Greenroom."
        )
    if free is not None and free < LITTLE_SPACE:
        return HealthCheck(
            CheckId.DATABASE, CheckResult.LOOK, told, "Make room: once the disk is full, no session can start."
        )
    return HealthCheck(CheckId.DATABASE, CheckResult.PASS, told)


def mode(loaded: Loaded, missing: Sequence[str] = ()) -> HealthCheck:
    """The avatar mode that is set, and the limits of its calls. `missing` are settings that pipecat_daily needs."""
    wanted, given = loaded.settings.tavus_avatar_mode, loaded.settings
    if loaded.problems:
        told = f"{wanted}, but no avatar starts until the settings are fixed. Sessions go on as text chat."
        return HealthCheck(CheckId.MODE, CheckResult.LOOK, told)
    if wanted is Mode.PIPECAT_DAILY:
        instead = given.tavus_avatar_fallback
        then = f"{instead} is used" if instead else "sessions go on as text chat"
        if missing:
            told = f"pipecat_daily lacks {', '.join(missing)}; until then {then}."
            return HealthCheck(CheckId.MODE, CheckResult.LOOK, told, "Put what is missing into .env and restart.")
    limits = f"Calls end after {given.max_call_s} s, or {given.absent_timeout_s} s if nobody joins."
    return HealthCheck(
        CheckId.MODE, CheckResult.PASS, f"{wanted}{' on the sandbox' if given.sandbox else ''}. {limits}"
    )


def cluster(workers: Sequence[object], namespace: str) -> HealthCheck:
    """What a cluster that answered said of this database's workers."""
    count = len(workers)
    running = "No worker of this database is" if not count else f"{count} worker{'s are' if count > 1 else ' is'}"
    return HealthCheck(
        CheckId.CLUSTER, CheckResult.PASS, f"The cluster answers. {running} in its namespace {namespace}."
    )


def calls(left: Allowance) -> HealthCheck:
    """What Greenroom's own limits leave for a start now."""
    minutes = f"{left.minutes_left:.0f} of today's {left.minutes_max} minutes left"
    told = f"{left.open_calls} of {left.max_calls} open; {minutes}."
    refusal = left.refusal(left.max_call_s)
    if refusal is not None:
        return HealthCheck(CheckId.CALLS, CheckResult.LOOK, f"{told} {refusal.message}", refusal.hint)
    return HealthCheck(CheckId.CALLS, CheckResult.PASS, told)


def background(watch: BackgroundWatch) -> HealthCheck:
    """Whether open calls are looked after while nobody looks, and what is stuck in that."""
    stuck = "; ".join(f"{step.told}, for {step.for_s:.0f} s" for step in watch.stuck)
    if not watch.fit:
        told = f"Too much is stuck: {stuck}. The calls are left to another process, and no call starts here."
        return HealthCheck(
            CheckId.BACKGROUND, CheckResult.FAIL, told, "Restart Greenroom, and look at the server's log."
        )
    if stuck:
        told = f"Given up, and the rounds go on without it: {stuck}."
        fix = "If it stays, restart Greenroom, and look at the server's log. A call ends by its own limit meanwhile."
        return HealthCheck(CheckId.BACKGROUND, CheckResult.FAIL, told, fix)
    if watch.finished_s is None:
        return HealthCheck(
            CheckId.BACKGROUND,
            CheckResult.SKIP,
            "Its first round is not done yet.",
            "Run the checks again in a moment.",
        )
    told = f"The last round was finished {watch.finished_s:.0f} s ago."
    if watch.finished_s > LATE_ROUND_S:
        return HealthCheck(
            CheckId.BACKGROUND, CheckResult.LOOK, f"{told} That is long.", "Check the network and the database."
        )
    other = "" if watch.leads or not watch.stands_by else " Another process asks about open calls; this one stands by."
    return HealthCheck(CheckId.BACKGROUND, CheckResult.PASS, f"{told}{other}")


def chat(endpoint: ChatClient | None) -> HealthCheck:
    """Whether text chat's endpoint answers: one free request for its list of models. Raises UpstreamError."""
    if endpoint is None:
        return scripted(phrasebooks())
    models = endpoint.models()
    if models is None:
        told = f"{endpoint.who} answers, but does not say which models it has."
        return HealthCheck(CheckId.CHAT, CheckResult.PASS, told)
    if endpoint.model and models and endpoint.model not in models:
        known = ", ".join(models[:5])
        told = f"{endpoint.who} has no model {endpoint.model}. It has {known}{' and more' if len(models) > 5 else ''}."
        return HealthCheck(CheckId.CHAT, CheckResult.FAIL, told, "Set CHAT_MODEL to one of them.")
    has = endpoint.model or f"{len(models)} models"
    return HealthCheck(CheckId.CHAT, CheckResult.PASS, f"{endpoint.who} answers and has {has}.")


def scripted(books: Phrasebooks) -> HealthCheck:
    """The stand-in answers always; what is wrong in its files of lines is left out, and told here."""
    told = "The scripted stand-in answers: CHAT_BASE_URL is not set."
    if not (faults := books.check()):
        return HealthCheck(CheckId.CHAT, CheckResult.PASS, told)
    more = f" And {len(faults) - 1} more." if len(faults) > 1 else ""
    fix = "Mend that file and restart Greenroom; until then what is wrong there is left out."
    return HealthCheck(CheckId.CHAT, CheckResult.LOOK, f"{told} In its lines: {faults[0]}{more}", fix)


def callbacks(given: Settings) -> HealthCheck:
    """How Greenroom learns that a call changed, and whether its public address leads here."""
    if given.public_url:
        try:
            found = requests.get(f"{given.public_url}/_stcore/health", timeout=3, allow_redirects=False).text.strip()
        except requests.RequestException:
            found = ""
        if found != "ok":
            told = f"{given.public_url} does not lead to this dashboard, as far as this machine can see."
            fix = "Check PUBLIC_URL and the proxy. Until then open calls are asked about, which works too."
            return HealthCheck(CheckId.CALLBACKS, CheckResult.LOOK, told, fix)
        return HealthCheck(
            CheckId.CALLBACKS, CheckResult.PASS, f"{given.public_url} leads here; Tavus is told to call it."
        )
    told = f"Not used: PUBLIC_URL is not set, so open calls are asked about every {given.sweep_interval_s:g} s."
    return HealthCheck(CheckId.CALLBACKS, CheckResult.PASS, told)


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


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
