"""The list of History in a real browser: a record is opened by its button and from the keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page

from tests.running import Dashboard

pytestmark = pytest.mark.browser

TOKEN = {"Authorization": "Bearer sandbox"}


@pytest.fixture(scope="module")
def dashboard() -> Iterator[Dashboard]:
    with Dashboard() as running:
        yield running


@pytest.fixture(scope="module")
def session(dashboard: Dashboard) -> str:
    """A text session, the only row of the list."""
    api = f"{dashboard.url}/api"
    agent = requests.get(f"{api}/agents", headers=TOKEN, timeout=5).json()["data"][0]
    asked = {"agentId": agent["id"], "enableAvatar": False}
    return str(requests.post(f"{api}/sessions", headers=TOKEN, json=asked, timeout=5).json()["sessionId"])


@pytest.fixture
def page(dashboard: Dashboard, browser: Browser, session: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.goto(f"{dashboard.url}/history")
    opened.get_by_text("1 session, ").wait_for()
    opened.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    opened.locator("[data-testid=stDataFrame] canvas").first.wait_for()
    yield opened
    context.close()


def test_the_button_of_a_row_opens_its_record(page: Page, session: str) -> None:
    page.locator("[data-testid=stDataFrame]").click(position={"x": 32, "y": 57})
    page.wait_for_url(re.compile(f"/session\\?session={session}"))
    page.get_by_role("heading", name="Timeline").wait_for()


def test_the_keyboard_opens_a_record(page: Page, session: str) -> None:
    page.get_by_role("combobox", name="Open a record").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"/session\\?session={session}"), timeout=10_000)
