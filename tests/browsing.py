"""The real browser that tests drive: Chrome, Edge or Chromium, whichever is there."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Browser, Playwright
from playwright.sync_api import Error as PlaywrightError

import dev

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


def launch(playwright: Playwright) -> Browser:
    """Start it. Where there is none: skips the test by name, or fails it if CI=true."""
    path = os.environ.get("CHROMIUM") or dev.find_browser()
    try:
        return playwright.chromium.launch(executable_path=path, args=FLAGS)
    except PlaywrightError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Chrome, Edge or Chromium to drive here: {str(error).splitlines()[0]}")
