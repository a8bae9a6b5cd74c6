"""From starting the process to the first drawn page in Chromium."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from playwright.sync_api import Browser

from tests.bench.load import p50
from tests.running import Dashboard

DRAWN = "[data-testid=stApp][data-test-script-state=notRunning] [data-testid=stMain] [data-testid=stElementContainer]"


def once(browser: Browser, dashboard: Dashboard) -> float:
    """Seconds. A browser that runs already, with an empty cache."""
    context = browser.new_context()
    page = context.new_page()
    try:
        begun = time.perf_counter()
        with dashboard:
            page.goto(dashboard.url)
            page.wait_for_selector(DRAWN, state="attached", timeout=60_000)
            return time.perf_counter() - begun
    finally:
        context.close()


def measure(browser: Browser, make: Mapping[str, Callable[[], Dashboard]], rounds: int) -> dict[str, float]:
    """p50 in seconds by name, the dashboards started in turn; the first round only warms the disk's cache."""
    taken: dict[str, list[float]] = {name: [] for name in make}
    for turn in range(rounds + 1):
        for name, dashboard in make.items():
            seconds = once(browser, dashboard())
            if turn:
                taken[name].append(seconds)
    return {name: p50(values) for name, values in taken.items()}
