"""The real browser that tests drive: Chrome, Edge or Chromium, whichever is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright
from playwright.sync_api import Error as PlaywrightError

import dev

T = TypeVar("T")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


def launch(playwright: Playwright, *more: str) -> Browser:
    """Start it, with `more` flags. Where there is none: skips the test by name, or fails it if CI=true."""
    return _there(lambda path: playwright.chromium.launch(executable_path=path, args=[*FLAGS, *more]))


def launch_in(playwright: Playwright, profile: Path, **how: Any) -> BrowserContext:
    """The same with a profile of its own, by whose folder its processes can be told from all others."""
    return _there(
        lambda path: playwright.chromium.launch_persistent_context(profile, executable_path=path, args=FLAGS, **how)
    )


def _there(start: Callable[[str | None], T]) -> T:
    try:
        return start(os.environ.get("CHROMIUM") or dev.find_browser())
    except PlaywrightError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Chrome, Edge or Chromium to drive here: {str(error).splitlines()[0]}")
