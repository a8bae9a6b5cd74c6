"""A console in the mode pipecat_daily on the sandbox: its sessions, its calls, its processes, a browser in a call."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import psutil
import requests
from playwright.sync_api import Browser, Frame, Page

from tests.house import until
from tests.running import Dashboard

TOKEN = {"Authorization": "Bearer sandbox"}
ABSENT_S = 15
PIPECAT = {
    "TAVUS_AVATAR_MODE": "pipecat_daily", "SWEEP_INTERVAL_S": "1", "ABSENT_TIMEOUT_S": str(ABSENT_S),
    "RECONCILE_HORIZON_S": "5",
}  # fmt: skip


def processes(console: Dashboard) -> list[psutil.Process]:
    """All of this console's, its workers among them: they have the home folder that the test made for it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("HOME") == console.env["HOME"] and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def workers(console: Dashboard) -> list[psutil.Process]:
    found = []
    for process in processes(console):
        with suppress(psutil.Error):
            if "lib.bot" in process.cmdline():
                found.append(process)
    return found


def sessions(console: Dashboard) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{console.url}/api/sessions", headers=TOKEN, timeout=5).json()["data"]
    return found


def calls(console: Dashboard) -> int:
    """How many conversations are open at Tavus, that is, are billed."""
    address = f"{console.url}/sandbox/v2/conversations?status=active"
    answer = requests.get(address, headers={"x-api-key": "k"}, timeout=5)
    return int(answer.json()["total_count"])


def start(page: Page, console: Dashboard) -> None:
    page.goto(console.url)
    page.get_by_role("button", name=re.compile(r"^\s*Start\b")).first.click(timeout=20_000)


def started(browser: Browser, console: Dashboard) -> tuple[Page, Frame]:
    """A session in this mode, joined."""
    context = browser.new_context(permissions=["camera", "microphone"], viewport={"width": 1440, "height": 950})
    page = context.new_page()
    start(page, console)
    room = page.frame_locator("iframe").first
    room.get_by_role("button", name="Join", exact=True).click(timeout=45_000)
    handle = page.query_selector("iframe")
    frame = handle.content_frame() if handle else None
    assert frame is not None
    until(lambda: video(frame, "videoWidth") > 0, within_s=30)
    return page, frame


def video(frame: Frame, what: str) -> float:
    """A number that the avatar's video element tells of itself."""
    return float(frame.evaluate(f"document.querySelector('video').{what}"))
