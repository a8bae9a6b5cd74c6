"""A click on what is in sight counts, however much of the page or of its script is still to come."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from tests.running import ROOT, Dashboard

pytestmark = pytest.mark.browser

TOKEN = {"Authorization": "Bearer sandbox"}
SLOW_S = 3.0


def slow_after(kind: str) -> Dashboard:
    """A dashboard whose script goes on only SLOW_S after each element of this kind."""
    env = {"SLOW_AFTER": kind, "SLOW_S": str(SLOW_S), "PYTHONPATH": str(ROOT)}
    return Dashboard(env=env, module="tests.slow")


@contextmanager
def kept_back(page: Page, pattern: re.Pattern[str]) -> Iterator[Callable[[], None]]:
    """Requests for these files wait until what is given is called."""
    waiting: list[Route] | None = []

    def asked(route: Route) -> None:
        route.continue_() if waiting is None else waiting.append(route)

    def let_go() -> None:
        nonlocal waiting
        held, waiting = waiting or [], None
        for route in held:
            route.continue_()

    page.route(pattern, asked)
    yield let_go
    let_go()


@pytest.mark.parametrize("press", [True, False], ids=["by_keyboard", "by_mouse"])
@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("personas?persona=p2b8e10c94d6", "Personas"),
        ("agents?agent=new", "Agents"),
        ("library?kind=guardrails&item=new", "Knowledge & rules"),
    ],
)
def test_the_open_pages_own_entry_leads_to_its_list_though_clicked_before_any_component_is_there(
    path: str, entry: str, press: bool, page: Page, dashboard: Dashboard
) -> None:
    heading = page.get_by_role("heading", level=1)
    with kept_back(page, re.compile(r"/BidiComponent.*\.js")) as let_go:
        page.goto(f"{dashboard.url}/{path}")
        link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=entry)
        expect(heading).to_be_visible()
        expect(heading).not_to_have_text(entry)
        link.press("Enter") if press else link.click()
        page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
        let_go()
        expect(heading).to_have_text(entry)
    assert "persona=" not in page.url and "agent=" not in page.url and "item=" not in page.url


def test_an_early_click_on_another_page_is_not_followed_by_one_on_the_page_before(
    page: Page, dashboard: Dashboard
) -> None:
    with kept_back(page, re.compile(r"/BidiComponent.*\.js")) as let_go:
        page.goto(f"{dashboard.url}/personas?persona=p2b8e10c94d6")
        menu = page.get_by_test_id("stSidebarNav")
        menu.get_by_role("link", name="Personas").click()
        menu.get_by_role("link", name="Agents").click()
        page.get_by_role("button", name="New agent").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("New agent")
        let_go()
        page.wait_for_timeout(1000)
        expect(page.get_by_role("heading", level=1)).to_have_text("New agent")


@pytest.fixture(scope="module")
def dashboard() -> Iterator[Dashboard]:
    with Dashboard() as running:
        yield running


def test_a_row_that_was_just_drawn_is_opened(page: Page) -> None:
    with slow_after("dataframe") as console:
        agent = requests.get(f"{console.url}/api/agents", headers=TOKEN, timeout=5).json()["data"][0]
        asked = {"agentId": agent["id"], "enableAvatar": False}
        made = requests.post(f"{console.url}/api/sessions", headers=TOKEN, json=asked, timeout=5).json()["sessionId"]
        page.goto(f"{console.url}/history")
        page.locator("[data-testid=stDataFrame] canvas").first.wait_for()
        page.locator("[data-testid=stDataFrame]").click(position={"x": 32, "y": 57})
        page.wait_for_url(re.compile(f"/session\\?session={made}"))


def test_start_on_a_card_that_was_just_drawn_starts_one_call(page: Page) -> None:
    with slow_after("bidi_component") as console:
        page.goto(console.url)
        page.get_by_role("button", name=re.compile("^play_arrow ?Start|^Start")).first.click()
        page.wait_for_url(re.compile("/live"))
        sessions: list[Any] = requests.get(f"{console.url}/api/sessions", headers=TOKEN, timeout=5).json()["data"]
        assert len(sessions) == 1


def test_save_takes_a_click_while_the_run_that_the_typing_began_is_still_on(page: Page) -> None:
    with slow_after("text_input") as console:
        page.goto(f"{console.url}/agents?agent=new")
        page.get_by_role("textbox", name="Name").fill("Early demo")
        page.get_by_role("button", name="Make agent").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Early demo", timeout=30_000)
        agents = requests.get(f"{console.url}/api/agents", headers=TOKEN, timeout=5).json()["data"]
        assert [one["name"] for one in agents].count("Early demo") == 1
