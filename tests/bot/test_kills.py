"""The worker, the dashboard or the browser is killed at a random point of a call: nothing may be left of it.

Nothing means: no process, no open conversation at Tavus, no session that is still open, and so no room either, which
lives in the worker. KILLS=30 tries it that often, in place of 5 times; KILLS_SEED=N repeats an earlier run's points.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, Playwright, sync_playwright

from tests.bot.calls import PIPECAT, TOKEN, calls, processes, sessions, start, workers
from tests.browsing import launch_in
from tests.house import until
from tests.running import Dashboard

pytestmark = pytest.mark.skipif(
    not os.environ.get("TEST_WORKER"), reason="killing what takes part in a call: python dev.py test --all runs it"
)

ROUNDS = int(os.environ.get("KILLS") or 5)
SEED = int(os.environ.get("KILLS_SEED") or random.SystemRandom().randrange(1_000_000))
LATEST_S = 9.0
"""After *Start*. By then a call has begun, was joined and is spoken in."""

BEGUN_S = 3.0
"""After *Start*: by then there is a session, whoever is killed."""

LEFT_S = 5
UNWATCHED_S = 15
GRACE_S = {"worker": 15.0, "dashboard": 45.0, "browser": 60.0}
"""The dashboard sees its worker's end at once. A dashboard that is killed ends its workers, and the next one what else
was open, within WATCH_GRACE_S. That a browser is gone is seen after WATCH_GRACE_S without a page that shows the call,
or by the worker after half a minute and LEFT_TIMEOUT_S. Tavus's own timer, ABSENT_TIMEOUT_S, would come later than all
of these, so that it hides nothing."""

ENV = {
    **PIPECAT, "LEFT_TIMEOUT_S": str(LEFT_S), "MAX_CALL_S": "120", "MAX_STARTS_PER_MINUTE": "60",
    "DAILY_MINUTES": "10000", "ABSENT_TIMEOUT_S": "90", "WATCH_GRACE_S": str(UNWATCHED_S),
}  # fmt: skip


class House:
    """A console that is started again at the same place after it was killed."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.before: list[Dashboard] = []
        self.console = Dashboard(env=ENV, data=data).start()

    def again(self) -> None:
        self.before.append(self.console)
        self.console = Dashboard(env=ENV, data=self._data, port=self.console.port).start()

    def left(self) -> list[str]:
        """What there still is of calls."""
        found = [f"process {one.pid} of a console that is gone" for old in self.before for one in processes(old)]
        found += [f"worker {one.pid}" for one in workers(self.console)]
        try:
            found += [f"{count} open conversations"] if (count := calls(self.console)) else []
            open_now = [one for one in sessions(self.console) if one["status"] not in ("ended", "failed")]
        except requests.RequestException as error:
            return [*found, f"a console that does not answer ({type(error).__name__})"]
        return found + [f"session {one['sessionId']} is {one['status']}" for one in open_now]

    def close(self) -> None:
        self.console.stop()
        for one in (*self.before, self.console):
            one.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("kills") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as made:
        yield made


def victim_of(n: int) -> tuple[str, float]:
    """Who is killed in round `n`, each of them once in three rounds, and how many seconds after *Start*."""
    order = random.Random(f"{SEED} {n // 3}").sample(sorted(GRACE_S), 3)
    return order[n % 3], random.Random(f"{SEED} {n}").uniform(0.0, LATEST_S)


def browsers(profile: Path) -> list[psutil.Process]:
    """The browser with this profile: the process that the others of it end with."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if f"--user-data-dir={profile}" in words and not any(word.startswith("--type=") for word in words):
                found.append(process)
    return found


def hold(page: Page, over: threading.Event) -> str:
    """Join and keep talking, as far as it goes, until something was killed. How far it went, in words."""
    room = page.frame_locator("iframe").first
    joined = spoken = False
    while not over.wait(0.2):
        with suppress(PlaywrightError):
            if not joined:
                room.get_by_role("button", name="Join", exact=True).click(timeout=500)
                joined = True
            room.locator("#text").fill("What do you cost?", timeout=500)
            room.locator("#text").press("Enter", timeout=500)
            spoken = True
    return "in a conversation" if spoken else "in the room" if joined else "on the way to the room"


@pytest.mark.parametrize("n", range(ROUNDS))
def test_whoever_is_killed_at_whatever_point_nothing_is_left_of_the_call(
    n: int, house: House, playwright: Playwright, tmp_path: Path
) -> None:
    victim, after_s = victim_of(n)
    told = f"KILLS_SEED={SEED} round {n}: {victim}, {after_s:.2f} s after Start"
    context = launch_in(playwright, tmp_path / "profile", permissions=["camera", "microphone"])
    over, killed_at = threading.Event(), [0.0]
    kill: dict[str, Callable[[], object]] = {
        "worker": lambda: [one.kill() for one in workers(house.console)],
        "dashboard": house.console.kill,
        "browser": lambda: [one.kill() for one in browsers(tmp_path / "profile")],
    }

    def strike() -> None:
        try:
            if victim == "worker":
                # Before there is one, there is nobody to kill.
                until(lambda: workers(house.console), within_s=20)
            kill[victim]()
        finally:
            killed_at[0] = time.monotonic()
            over.set()

    page, before = context.pages[0], len(all_sessions(house.console))
    start(page, house.console)
    timer = threading.Timer(after_s, strike)
    timer.start()
    try:
        told += f", {hold(page, over)}"
    finally:
        timer.join()
    if victim == "browser":
        until(lambda: not browsers(tmp_path / "profile"))
    if victim == "dashboard":
        house.again()
    nothing_after(house, GRACE_S[victim], killed_at[0], told)
    assert after_s < BEGUN_S or len(all_sessions(house.console)) == before + 1, f"{told}: there was no call to kill"
    with suppress(PlaywrightError):
        context.close()


def all_sessions(console: Dashboard) -> list[str]:
    found = requests.get(f"{console.url}/api/sessions?limit=500", headers=TOKEN, timeout=5).json()["data"]
    return [str(one["sessionId"]) for one in found]


def nothing_after(house: House, grace_s: float, killed_at: float, told: str) -> None:
    """Wait until nothing is left, and look once more a moment later: nothing may come back."""
    while left := house.left():
        assert time.monotonic() - killed_at < grace_s, f"{told}: left after {grace_s:.0f} s: {left}"
        time.sleep(0.2)
    print(f"{told}: nothing is left after {time.monotonic() - killed_at:.1f} s")
    time.sleep(2.0)
    assert not house.left(), f"{told}: it came back: {house.left()}"
