"""The inspector in a real browser: from a call to its callbacks, and a request taken into a shell."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.house import until
from tests.running import Dashboard

pytestmark = pytest.mark.browser

HEADERS = {"Authorization": "Bearer sandbox"}
STRANGE = "It's <img src=x onerror=document.title='hit'> **md** :red[x] $(id) שלום"
KEY = "custom-llm-key-canary"


@pytest.fixture(scope="module")
def dashboard() -> Iterator[Dashboard]:
    with Dashboard(env={"SWEEP_INTERVAL_S": "60"}) as running:
        yield running


def api(dashboard: Dashboard, method: str, path: str, body: Any = None) -> Any:
    return requests.request(method, f"{dashboard.url}/api{path}", json=body, headers=HEADERS, timeout=20).json()


@pytest.fixture(scope="module")
def session_id(dashboard: Dashboard) -> str:
    """A call that has ended, of which every callback came."""
    agent = api(dashboard, "GET", "/agents")["data"][0]["id"]
    started = str(api(dashboard, "POST", "/sessions", {"agentId": agent})["sessionId"])
    until(lambda: api(dashboard, "GET", f"/sessions/{started}")["status"] == "live")
    api(dashboard, "POST", f"/sessions/{started}/end")
    until(lambda: api(dashboard, "GET", f"/sessions/{started}")["status"] == "ended")
    until(lambda: len(requests.get(f"{dashboard.url}/sandbox/_sandbox/log?kind=callback", timeout=5).json()) == 4)
    return started


@pytest.fixture(params=[(1440, "light"), (390, "dark")])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    assert wrong == []
    assert opened.title() != "hit"
    context.close()


def choose(page: Page, name: str) -> None:
    page.get_by_role("combobox", name="Open one").click()
    page.get_by_role("option").filter(has_text=name).first.click()
    page.get_by_role("dialog").wait_for()


def test_from_a_record_to_its_callbacks_one_of_which_is_replayed(
    page: Page, dashboard: Dashboard, session_id: str
) -> None:
    page.goto(f"{dashboard.url}/session?session={session_id}")
    page.get_by_role("link", name="Requests and callbacks of this session").click()
    page.wait_for_url(re.compile(rf"/inspector\?of={session_id}"))
    page.get_by_text("Only of one session").wait_for()
    page.get_by_role("radio", name="Callbacks").or_(page.get_by_role("button", name="Callbacks")).first.click()
    page.wait_for_url(re.compile("kind=Callbacks"))
    assert "of=" in page.url, "the filter of the session was lost"
    choose(page, "system.shutdown")
    expect(page.get_by_role("dialog")).to_contain_text("/callbacks/tavus/***")
    page.get_by_role("button", name="Replay as a hint").click()
    page.get_by_text("is being asked about this session").wait_for()
    page.get_by_role("link", name="Open its session").click()
    page.wait_for_url(re.compile(rf"/session\?session={session_id}"))


def test_show_all_takes_every_filter_away(page: Page, dashboard: Dashboard, session_id: str) -> None:
    page.goto(f"{dashboard.url}/inspector?of={session_id}&kind=Callbacks&outcome=No+answer&search=nobody")
    page.get_by_text("Nothing fits").wait_for()
    page.get_by_role("button", name="Show all").last.click()
    page.get_by_text("Newest first, kept for 14 days").wait_for()
    assert page.url.rstrip("/?") == f"{dashboard.url}/inspector"
    sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert sideways <= 0


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="no bash or no curl here")
def test_a_request_is_copied_and_run_in_a_shell_as_it_stands(page: Page, dashboard: Dashboard) -> None:
    row = {"persona_name": STRANGE, "system_prompt": "You are.", "layers": {"llm": {"model": "m", "api_key": KEY}}}
    made = api(dashboard, "POST", "/personas", row)
    page.goto(f"{dashboard.url}/inspector?search={made['persona_id']}")
    choose(page, "POST /personas")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("*** stands where a secret was")
    blocks = dialog.get_by_test_id("stCode").locator("code")
    expect(blocks).to_have_count(2)
    shown, command = blocks.all_inner_texts()
    assert json.loads(shown) == {**row, "layers": {"llm": {"model": "m", "api_key": "***"}}}
    assert KEY not in page.content()
    done = subprocess.run(["bash", "-c", command], env={"PATH": os.environ["PATH"]}, capture_output=True, timeout=20)
    again = json.loads(done.stdout)["persona_id"]
    assert api(dashboard, "GET", f"/personas/{again}")["persona_name"] == STRANGE
    assert KEY not in dashboard.log
