"""Measures and prints. `--quick` takes one round of everything, to see that the bench itself works."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
from playwright.sync_api import sync_playwright

from tests.bench import bulk, callbacks, cold, doctor, past, prompts, seed, soak, start, worker
from tests.bench.load import Crowd, p50
from tests.browsing import launch
from tests.running import ROOT, Dashboard

PAGES = (
    "home", "live", "history", "personas", "agents", "library", "replicas", "session", "diagnostics", "inspector",
)  # fmt: skip
COUNTS = (1, 50, 10)
"""How many sessions at once; what has a target is measured first, while there is time."""
SECONDS = {1: 0.8, 10: 1.0, 50: 2.0}
TARGETS = {1: 0.4, 50: 0.5}
"""At most so many times an untouched empty page, by the number of sessions."""
ROUNDS = 3
"""Of the numbers of sessions that have a target; their median counts."""
RERUNS_WITHIN_S = 480.0
"""Pages whose turn comes later are left out: a busy machine gives a shorter table, not a longer wait."""
EMPTY = 'import streamlit as st\n\nst.write("Hello")\n'
PARTS = ("reruns", "galleries", "prompts", "start", "callbacks", "past", "worker", "doctor", "cold", "soak")
EMPTIES = ("untouched", "own")
PATIENT = {"STREAMLIT_SERVER_WEBSOCKET_PING_INTERVAL": "600"}
"""So that no server drops the tabs that wait while another one is measured."""
ENV = {"MAX_CONCURRENT_CALLS": "100", "DAILY_MINUTES": "100000", "MAX_STARTS_PER_MINUTE": "600",
       "ABSENT_TIMEOUT_S": "300", **PATIENT}  # fmt: skip


@dataclass(frozen=True)
class Servers:
    """`untouched` and `own` draw an empty page; `pages` is Greenroom, `same` its pages on an untouched server."""

    untouched: Dashboard
    own: Dashboard
    pages: Dashboard
    same: Dashboard
    ended: str

    def __iter__(self) -> Iterator[tuple[str, Dashboard]]:
        return iter({name: getattr(self, name) for name in (*EMPTIES, "pages", "same")}.items())


def seeded(folder: Path) -> tuple[Path, str]:
    """A data folder of a console in use, and the id of an ended session in it."""
    data = folder / "data"
    with Dashboard(data=data, env=ENV) as dashboard:
        agents = seed.fill(dashboard)
    return data, seed.history(data, agents)


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    data, ended = seeded(folder)
    shutil.copytree(data, folder / "same")
    (folder / "empty").mkdir()
    (folder / "empty" / "empty.py").write_text(EMPTY, encoding="utf-8")
    with contextlib.ExitStack() as stack:
        yield Servers(
            untouched=stack.enter_context(empty(folder)),
            own=stack.enter_context(Dashboard(ROOT / "tests" / "server" / "scratch" / "app.py", env=PATIENT)),
            pages=stack.enter_context(Dashboard(data=data, env=ENV)),
            same=stack.enter_context(untouched(folder / "same")),
            ended=ended,
        )


def empty(folder: Path) -> Dashboard:
    return Dashboard(folder / "empty" / "empty.py", cwd=folder / "empty", env=PATIENT, uvloop=False)


def untouched(data: Path) -> Dashboard:
    env = {**ENV, "STREAMLIT_RUNNER_POST_SCRIPT_GC": "true"}
    return Dashboard(data=data, env=env, uvloop=False, module="tests.bench.untouched")


def call(dashboard: Dashboard) -> str:
    """Start a conversation, after ending the one before, so that Live session has a room to draw. Returns its id."""
    http = requests.Session()
    http.headers["Authorization"] = "Bearer sandbox"
    for session in http.get(dashboard.url + "/api/sessions?limit=20", timeout=10).json()["data"]:
        if session["status"] in ("starting", "waiting", "live"):
            http.post(f"{dashboard.url}/api/sessions/{session['sessionId']}/end", timeout=10)
    agent = http.get(dashboard.url + "/api/agents", timeout=10).json()["data"][0]["id"]
    body = {"agentId": agent, "enableAvatar": True}
    return str(http.post(dashboard.url + "/api/sessions", json=body, timeout=20).json()["sessionId"])


class Reruns:
    """p50 of a rerun in ms by server, page and number of sessions; one for each round.

    A page's servers are measured in turn, an empty page's right before: this machine's speed changes within a run.
    """

    def __init__(self, made: Servers, quick: bool) -> None:
        self._made, self._quick = made, quick
        self._until = time.monotonic() + RERUNS_WITHIN_S
        self._taken: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)

    def measure(self, count: int, pages: tuple[str, ...]) -> None:
        if time.monotonic() > self._until:
            return
        crowds = {name: Crowd(dashboard.url, count) for name, dashboard in self._made}
        for name in EMPTIES:
            crowds[name].open("", "")
        for page in pages:
            if time.monotonic() > self._until:
                break
            self._page(crowds, page, count)
        for crowd in crowds.values():
            crowd.close()

    def _page(self, crowds: dict[str, Crowd], page: str, count: int) -> None:
        queries = dict.fromkeys(EMPTIES, "")
        for name in ("pages", "same"):
            queries[name] = self._query(page, getattr(self._made, name))
            crowds[name].open("" if page == "home" else page, queries[name])
        seconds = 0.3 if self._quick else SECONDS[count]
        for round_ in range(ROUNDS if count in TARGETS and not self._quick else 1):
            for name in queries if round_ == 0 else ("untouched", "pages"):
                taken = crowds[name].rerun(seconds, queries[name], at_least=count)
                self._taken[name, page, count].append(p50(taken))

    def _query(self, page: str, dashboard: Dashboard) -> str:
        if page == "live":
            return f"session={call(dashboard)}"
        return f"session={self._made.ended}" if page == "session" else ""

    def has(self, page: str, count: int) -> bool:
        return ("same", page, count) in self._taken

    def of(self, name: str, page: str, count: int) -> float:
        """In ms, the median of its rounds."""
        return p50(self._taken[name, page, count])

    def empty(self, name: str, count: int) -> float:
        """An empty page of this server in ms, the median of what was taken beside each page."""
        return p50(
            [ms for (server, _, n), rounds in self._taken.items() if (server, n) == (name, count) for ms in rounds]
        )

    def ratios(self, name: str, page: str, count: int) -> list[float]:
        """This page to that of the server `name`, of each round that both were measured in, the smallest first."""
        ours, theirs = self._taken["pages", page, count], self._taken[name, page, count]
        return sorted(one / other for one, other in zip(ours, theirs, strict=False))


def mark(ratio: float, target: float | None) -> str:
    if target is None:
        return f"{ratio:6.2f}x         "
    return f"{ratio:6.2f}x {'ok  ' if ratio <= target else 'OVER'} {target:.1f}"


def print_reruns(reruns: Reruns, pages: tuple[str, ...]) -> None:
    print("Rerun over the websocket, without pause: p50, and as a ratio to")
    print("  empty    an empty page of an untouched `streamlit run`")
    print("  own      an empty page of Greenroom's own server")
    print("  itself   the same page on an untouched server\n")
    for count in sorted(COUNTS):
        if not reruns.has(pages[0], count):
            print(f"{count} sessions: no time was left")
            continue
        untouched_ms, own_ms = (reruns.empty(name, count) for name in EMPTIES)
        print(f"{count} session{'s' * (count > 1)}: empty page untouched {untouched_ms:.1f} ms, own {own_ms:.1f} ms")
        for page in pages:
            if not reruns.has(page, count):
                print(f"  {page:12} no time was left")
                continue
            ratios = reruns.ratios("untouched", page, count)
            span = f" ({ratios[0]:.2f} to {ratios[-1]:.2f})" if len(ratios) > 1 else ""
            ms = reruns.of("pages", page, count)
            print(
                f"  {page:12} {ms:8.1f} ms   empty {mark(p50(ratios), TARGETS.get(count))}{span:15}   "
                f"own {p50(reruns.ratios('own', page, count)):6.2f}x   "
                f"itself {mark(p50(reruns.ratios('same', page, count)), 0.6 if count in TARGETS else None)}"
            )
        print()


def main() -> None:
    cli = argparse.ArgumentParser(prog="python dev.py bench", description=__doc__)
    cli.add_argument("--quick", action="store_true")
    cli.add_argument("--pages", nargs="*", default=PAGES, help="only these pages")
    cli.add_argument("--only", choices=PARTS)
    cli.add_argument(
        "--long", action="store_true", help="also what takes long: a million sessions, and half an hour of use"
    )
    options = cli.parse_args()
    begun, pages = time.monotonic(), tuple(options.pages)
    folder = Path(tempfile.mkdtemp(prefix="greenroom-bench-"))
    try:
        print(f"{os.cpu_count()} cores; {seed.PERSONAS} personas, {seed.AGENTS} agents, {seed.SESSIONS} sessions\n")
        if options.only in (None, "reruns"):
            with servers(folder) as made:
                reruns = Reruns(made, options.quick)
                for count in COUNTS:
                    reruns.measure(count, pages)
            print_reruns(reruns, pages)
        if options.only in (None, "galleries"):
            print_galleries(folder, 5 if options.quick else 40)
        if options.only in (None, "prompts"):
            print_prompts()
        if options.only in (None, "start"):
            with start.alone() as sandbox:
                print_start(start.measure(sandbox, folder / "start", 5 if options.quick else 60))
        if options.only in (None, "callbacks"):
            seconds, rounds = (0.5, 1) if options.quick else (2.0, 5)
            print_callbacks(callbacks.measure(folder, ENV, seconds, rounds))
        if options.only in (None, "past"):
            sizes = (*past.SIZES[: 1 if options.quick else None], *([past.LONG] if options.long else []))
            print("\n".join(past.told(past.run(folder / "past", sizes, 2 if options.quick else 21))))
        if options.only in (None, "worker"):
            print_worker(folder, 1 if options.quick else 5)
        if options.only in (None, "doctor"):
            (folder / "doctor").mkdir()
            print(doctor.told(doctor.measure(folder / "doctor", 1 if options.quick else 5)))
        if options.only in (None, "cold"):
            print_cold(folder, 1 if options.quick else 3)
        if options.only == "soak" or (options.long and options.only is None):
            print_soak(soak.measure(folder, ENV, 0.5 if options.quick else soak.MINUTES))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nTook {time.monotonic() - begun:.0f} s")


def print_galleries(folder: Path, rounds: int) -> None:
    """One sweep of a list is several requests, one for each hundred rows."""
    data = folder / "many"
    bulk.fill(data, ENV)
    (folder / "empty").mkdir(exist_ok=True)
    (folder / "empty" / "empty.py").write_text(EMPTY, encoding="utf-8")
    print(f"Galleries with {bulk.MANY} personas and {bulk.MANY} agents, one session, p50:")
    with empty(folder) as beside:
        for name in bulk.GALLERIES:
            taken = bulk.measure(name, data, ENV, beside, rounds)
            swept = ", ".join(f"{path.removeprefix('/v2/')} in {count}" for path, count in sorted(taken.sweeps.items()))
            lists = "ok  " if len(taken.sweeps) <= 2 else "OVER"
            print(
                f"  {name:15} rerun {taken.rerun_ms:6.1f} ms   empty {mark(taken.rerun_ms / taken.empty_ms, 1.0)}   "
                f"first visit {taken.open_ms:6.0f} ms, lists {lists} 2: {swept or 'none'}   "
                f"asked by {rounds} reruns {taken.asked} {'ok' if taken.asked == 0 else 'OVER'}"
            )
    print()


def print_prompts() -> None:
    print(f"Word diff of two prompts of {prompts.CHARACTERS:,} characters, p50:")
    for what, ms in prompts.measure().items():
        print(f"  {what:28} {ms:6.1f} ms ({'ok' if ms <= prompts.MOST_MS else 'OVER'}, at most {prompts.MOST_MS:.0f})")
    print()


def print_start(taken: start.Start) -> None:
    ok = "ok" if taken.overhead <= 10 else "OVER"
    print(
        f"Start of a session: {taken.whole:.1f} ms p50, of which the raw POST {taken.post:.1f} ms; overhead "
        f"{taken.overhead:.1f} ms ({ok}, at most 10), {taken.overhead / taken.commits:.1f}x its two bare commits of "
        f"{taken.commits:.1f} ms"
    )


def print_callbacks(taken: callbacks.Taken) -> None:
    """The best round counts: what else the machine does only takes away. The ratio is that of each round."""
    cpu = f", {taken.cpu:.0f} µs of a processor each" if taken.cpu else ""
    print(
        f"Callbacks, on the disk before they are answered, {callbacks.CONNECTIONS} senders; "
        f"one bare commit {taken.commit:.1f} ms{cpu}:"
    )
    beside = f"beside {callbacks.TABS} tabs"
    for name, rounds, least in (("alone", taken.alone, 1_500), (beside, taken.busy, 500)):
        best = max(rounds, key=lambda sent: sent.a_second)
        ratio = p50([sent.a_second / bare.a_second for sent, bare in zip(rounds, taken.bare, strict=True)])
        print(
            f"  {name:16} {best.a_second:6.0f}/s ({'ok' if best.a_second >= least else 'UNDER'}, at least {least}), "
            f"p50 {best.p50:.0f} ms, p99 {best.p99:.0f} ms; median {p50([one.a_second for one in rounds]):.0f}/s, "
            f"{ratio:.2f} of the server's health check"
        )
    print(f"  a rerun of those tabs meanwhile: {taken.rerun:.0f} ms p50\n")


def print_worker(folder: Path, rounds: int) -> None:
    taken = None
    if worker.PYTHON.exists():
        with sync_playwright() as playwright:
            browser = launch(playwright)
            taken = worker.measure(browser, rounds)
            browser.close()
    print("\n".join(worker.told(taken, worker.imports(folder / "imports", rounds))))


def print_cold(folder: Path, rounds: int) -> None:
    (folder / "empty").mkdir(exist_ok=True)
    (folder / "empty" / "empty.py").write_text(EMPTY, encoding="utf-8")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        made = {"empty": lambda: empty(folder), "ours": lambda: Dashboard(data=folder / "cold"), "first": Dashboard}
        taken = cold.measure(browser, made, rounds)
        browser.close()
    print(
        f"Cold start to the first drawn page: {taken['ours']:.2f} s p50, empty app {taken['empty']:.2f} s, ratio "
        f"{mark(taken['ours'] / taken['empty'], 1.5)}; the very first start, which also makes the database: "
        f"{taken['first']:.2f} s, {taken['first'] / taken['empty']:.2f}x"
    )


def print_soak(taken: soak.Taken) -> None:
    last = taken.marks[-1]
    print(f"{soak.PEOPLE} people for {last.minute:g} minutes: {taken.sessions} sessions, {taken.reruns} reruns of Live")
    for mark in taken.marks:
        print(
            f"  {mark.minute:5.1f} min   {mark.megabytes:6.1f} MB   {mark.threads:3} threads   {mark.files:3} files   "
            f"rerun {mark.rerun:6.1f} ms p50"
        )
    ok = "ok" if taken.growth <= soak.MOST_GROWTH else "OVER"
    print(f"  at the end {taken.growth:.2f}x of what it was once settled ({ok}, at most {soak.MOST_GROWTH}x)")
    print(f"  went wrong: {len(taken.wrong)} {sorted(set(taken.wrong))[:3] or ''}   left open: {taken.left_open}")


if __name__ == "__main__":
    main()
