"""The call's frame in a real browser: nothing but a reload of the tab may reload it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import pytest
import requests
from playwright.sync_api import Browser, Frame, Page, expect

from tests.running import Dashboard

pytestmark = pytest.mark.browser

START = re.compile(r"^Start, up to")


@pytest.fixture(scope="module")
def dashboard() -> Iterator[Dashboard]:
    with Dashboard(env={"MAX_STARTS_PER_MINUTE": "20"}) as running:
        yield running


@dataclass
class Tab:
    """One tab at Home, which counts how often a frame in it went anywhere since `reset`."""

    page: Page
    url: str
    navigations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("framenavigated", self._note)
        self.page.goto(self.url)

    def _note(self, frame: Frame) -> None:
        if frame.parent_frame is not None:
            self.navigations.append(frame.url)

    def start(self) -> None:
        """Start the first agent and wait until its room is there."""
        self.page.get_by_role("button", name=START).first.click()
        self.page.frame_locator("iframe").get_by_role("button", name="Join").wait_for()
        self.settle()
        self.navigations.clear()

    def settle(self) -> None:
        self.page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")

    def menu(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).click()
        self.page.locator("[data-testid=stMain]").get_by_role("heading", level=1, name=name).wait_for()
        self.settle()

    def end(self) -> None:
        self.page.get_by_role("button", name="End session").click()
        self.page.get_by_text("You ended it.").wait_for()


@pytest.fixture
def tab(dashboard: Dashboard, browser: Browser) -> Iterator[Tab]:
    context = browser.new_context(permissions=["camera", "microphone"], viewport={"width": 1280, "height": 900})
    yield Tab(context.new_page(), dashboard.url)
    context.close()
    for session in sessions(dashboard, status=("waiting", "live", "starting")):
        requests.post(f"{dashboard.url}/api/sessions/{session['sessionId']}/end", headers=TOKEN, timeout=5)


TOKEN = {"Authorization": "Bearer sandbox"}


def sessions(dashboard: Dashboard, status: tuple[str, ...] = ()) -> list[dict[str, str]]:
    rows = requests.get(f"{dashboard.url}/api/sessions", headers=TOKEN, timeout=5).json()["data"]
    return [row for row in rows if not status or row["status"] in status]


def posts(dashboard: Dashboard) -> int:
    """How many conversations were asked for."""
    log = requests.get(f"{dashboard.url}/sandbox/_sandbox/log", timeout=5).json()
    return sum(entry["method"] == "POST" and entry["path"] == "/v2/conversations" for entry in log)


def test_frame_is_not_reloaded_by_ticks_reruns_or_page_switches(tab: Tab) -> None:
    tab.start()
    page = tab.page
    page.locator("iframe").evaluate("frame => { frame.contentWindow.mark = 'mine' }")

    clock = page.locator(".gr-state b").first
    before = clock.inner_text()
    page.wait_for_function("before => !document.querySelector('.gr-state').innerText.includes(before)", arg=before)
    page.get_by_text("Text chat, outside the call", exact=True).click()
    page.get_by_placeholder(re.compile("^Text chat with .*, outside the call$")).fill("Hello there")
    page.keyboard.press("Enter")
    page.locator(".gr-say").nth(1).wait_for()
    page.locator("h1").click()
    page.keyboard.press("r")
    tab.settle()
    tab.menu("Home")
    assert not page.locator("iframe").is_visible()
    tab.menu("History")
    page.get_by_role("link", name="Live session", exact=True).click()
    page.get_by_role("button", name="End session").wait_for()
    tab.settle()
    page.get_by_role("link", name="Home", exact=True).click()
    page.get_by_role("button", name="Return to room").first.click()
    page.locator(".st-key-strip-live-call").wait_for()

    assert tab.navigations == []
    assert page.locator("iframe").evaluate("frame => frame.contentWindow.mark") == "mine"
    assert page.locator("iframe").is_visible()


def test_frame_is_tall_named_and_allowed_what_a_call_needs(tab: Tab) -> None:
    tab.start()
    frame = tab.page.locator("iframe")
    box = frame.bounding_box()
    assert box is not None and box["height"] >= 600
    assert frame.get_attribute("title") == "Call with Product demo"
    assert frame.get_attribute("allow") == "camera; microphone; fullscreen; display-capture; autoplay"
    assert frame.get_attribute("referrerpolicy") == "no-referrer"
    assert (frame.get_attribute("src") or "").startswith("/sandbox/room/")


@pytest.mark.parametrize(("height", "scheme"), [(844, "dark"), (640, "light")])
def test_on_a_phone_the_rooms_own_controls_are_in_sight(
    dashboard: Dashboard, browser: Browser, height: int, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": height}, color_scheme=scheme, has_touch=True)
    tab = Tab(context.new_page(), dashboard.url)
    tab.start()
    room = tab.page.frame_locator("iframe")
    room.get_by_role("button", name="Join").tap()
    for shown in (room.locator("#say"), room.get_by_role("button", name="Leave"), room.locator("#clock")):
        shown.wait_for()
        box = shown.bounding_box()
        assert box is not None
        assert box["y"] >= 0 and box["y"] + box["height"] <= height
    tab.end()
    context.close()


def test_who_leaves_the_room_is_told_that_the_call_goes_on_and_is_led_to_its_end(tab: Tab) -> None:
    tab.start()
    room = tab.page.frame_locator("iframe")
    end = tab.page.get_by_role("button", name="End session")
    told = tab.page.get_by_text("You left; the call goes on until it closes. End it now.")
    main = "stBaseButton-primary"
    room.get_by_role("button", name="Join").click()
    expect(end).not_to_have_attribute("data-testid", main)
    room.get_by_role("button", name="Leave the call").click()
    expect(told).to_be_visible()
    expect(end).to_have_attribute("data-testid", main)
    expect(tab.page.get_by_text("The avatar is in the room")).to_have_count(0)
    room.get_by_role("button", name="Join again").or_(room.locator("#rejoin")).first.click()
    expect(told).to_have_count(0)
    room.get_by_role("button", name="Leave the call").click()
    expect(told).to_be_visible()
    assert tab.navigations == [], "telling the page reloaded the frame"
    tab.end()


def test_a_reload_of_the_tab_finds_the_same_call_and_starts_no_second(tab: Tab, dashboard: Dashboard) -> None:
    tab.start()
    posted, source = posts(dashboard), tab.page.locator("iframe").get_attribute("src")
    tab.page.reload()
    tab.page.frame_locator("iframe").get_by_role("button", name="Join").wait_for()
    assert tab.page.locator("iframe").get_attribute("src") == source
    assert posts(dashboard) == posted


def test_a_double_click_on_start_is_one_call(tab: Tab, dashboard: Dashboard) -> None:
    posted, known = posts(dashboard), len(sessions(dashboard))
    tab.page.get_by_role("button", name=START).first.dblclick()
    tab.page.frame_locator("iframe").get_by_role("button", name="Join").wait_for()
    tab.settle()
    assert posts(dashboard) == posted + 1
    assert len(sessions(dashboard)) == known + 1


def test_frame_goes_when_the_session_has_ended(tab: Tab) -> None:
    tab.start()
    tab.end()
    tab.page.locator("iframe").wait_for(state="detached")
    tab.menu("Home")
    assert tab.page.locator("iframe").count() == 0
