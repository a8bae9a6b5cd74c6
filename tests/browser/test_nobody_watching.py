"""A call that no browser shows any more ends by itself; one that is shown goes on, on whichever page of the tab."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, Playwright

import dev
from tests.browsing import FLAGS, launch
from tests.house import until
from tests.running import Dashboard

pytestmark = pytest.mark.browser

START = re.compile(r"^Start, up to")
GRACE_S, INTERVAL_S = 2.0, 0.3
SLACK_S = 3.0
"""For the two requests that end a call, on a machine that does other things too."""


@pytest.fixture(scope="module")
def dashboard() -> Iterator[Dashboard]:
    limits = {"MAX_CONCURRENT_CALLS": "9", "DAILY_MINUTES": "999"}
    with Dashboard(env={"WATCH_GRACE_S": str(GRACE_S), "SWEEP_INTERVAL_S": str(INTERVAL_S), **limits}) as running:
        yield running


@pytest.fixture
def browser(playwright: Playwright) -> Iterator[Browser]:
    running = launch(playwright)
    yield running
    running.close()


def start(page: Page, url: str) -> str:
    """Start the first agent; the session's id once its room is there."""
    page.goto(url)
    page.get_by_role("button", name=START).first.click()
    page.frame_locator("iframe").get_by_role("button", name="Join").wait_for()
    return str(re.findall(r"session=(s-[\w-]+)", page.url)[0])


def row(dashboard: Dashboard, session_id: str) -> dict[str, Any]:
    headers = {"Authorization": "Bearer sandbox"}
    answer = requests.get(f"{dashboard.url}/api/sessions/{session_id}", headers=headers, timeout=10)
    return dict(answer.json())


def ends(dashboard: Dashboard, session_id: str) -> str:
    """Why it ended, at Tavus too, within the grace and one interval from now."""
    begun = time.monotonic()
    until(lambda: row(dashboard, session_id)["status"] == "ended", within_s=GRACE_S + INTERVAL_S + SLACK_S)
    assert time.monotonic() - begun > GRACE_S / 2
    there = f"{dashboard.url}/sandbox/v2/conversations/{row(dashboard, session_id)['conversationId']}"
    assert requests.get(there, headers={"x-api-key": "any"}, timeout=5).json()["status"] == "ended"
    return str(row(dashboard, session_id)["endReason"])


def test_row_24_a_closed_tab_ends_its_call_and_the_call_says_why(browser: Browser, dashboard: Dashboard) -> None:
    page = browser.new_page()
    session_id = start(page, dashboard.url)
    for name in ("Home", "Personas"):
        page.get_by_role("link", name=name, exact=True).click()
        time.sleep(GRACE_S)
        assert row(dashboard, session_id)["status"] == "live", name
    page.reload()
    page.goto(f"{dashboard.url}/live?session={session_id}")
    time.sleep(GRACE_S + 1)
    assert row(dashboard, session_id)["status"] == "live"
    page.close()
    assert ends(dashboard, session_id) == "Nobody was watching"


def test_row_24_a_browser_that_is_killed_ends_its_call(
    playwright: Playwright, dashboard: Dashboard, tmp_path: Path
) -> None:
    with separate(playwright, tmp_path) as (browser, kill):
        session_id = start(browser.new_page(), dashboard.url)
        time.sleep(GRACE_S + 1)
        assert row(dashboard, session_id)["status"] == "live"
        kill()
        assert ends(dashboard, session_id) == "Nobody was watching"


def test_a_room_in_a_tab_of_its_own_is_left_alone_when_the_page_is_closed(
    browser: Browser, dashboard: Dashboard
) -> None:
    context = browser.new_context(permissions=["camera", "microphone"])
    page = context.new_page()
    session_id = start(page, dashboard.url)
    with context.expect_page() as opened:
        page.get_by_role("link", name="Open in new tab").click()
    room = opened.value
    room.get_by_role("button", name="Join").click()
    page.get_by_text("so it goes on when this page is closed").wait_for()
    page.close()
    time.sleep(GRACE_S + 2 * INTERVAL_S + 1)
    assert row(dashboard, session_id)["status"] == "live"
    room.close()


@contextmanager
def separate(playwright: Playwright, folder: Path) -> Iterator[tuple[Browser, Any]]:
    """A browser in processes of its own, and how to kill them all as a crash does."""
    program = os.environ.get("CHROMIUM") or dev.find_browser()
    if program is None:
        pytest.skip("no Chrome, Edge or Chromium to drive here")
    command = [program, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}", *FLAGS]
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    )

    def kill() -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    try:
        said = folder / "DevToolsActivePort"
        port = until(lambda: said.exists() and said.read_text().split()[:1], within_s=30)[0]
        yield playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}"), kill
    finally:
        kill()
