"""Another site in the person's own browser, whose name was made to lead to this machine (DNS rebinding)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, Playwright

from tests.browsing import launch
from tests.house import until
from tests.running import Dashboard

pytestmark = pytest.mark.browser

TOKEN = {"Authorization": "Bearer sandbox"}
SOCKET = """() => new Promise(done => {
  const socket = new WebSocket(`ws://${location.host}/_stcore/stream`, ["streamlit"]);
  socket.onopen = () => done("open");
  socket.onerror = () => done("refused");
})"""
FETCH = """([path, method, body]) => fetch(path, {
  method, body, headers: {authorization: "Bearer sandbox", "x-api-key": "k", "content-type": "application/json"},
}).then(async answer => [answer.status, await answer.text()])"""


@pytest.fixture(scope="module")
def console() -> Iterator[Dashboard]:
    with Dashboard(env={"MAX_CONCURRENT_CALLS": "9"}) as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    made = launch(playwright, "--host-resolver-rules=MAP *.example 127.0.0.1")
    yield made
    made.close()


def told(page: Page, path: str, method: str = "GET", body: str | None = None) -> tuple[int, str]:
    status, text = page.evaluate(FETCH, [path, method, body])
    return int(status), str(text)


def test_a_rebound_name_reads_nothing_and_starts_nothing(console: Dashboard, page: Page) -> None:
    agent = requests.get(f"{console.url}/api/agents", headers=TOKEN, timeout=5).json()["data"][0]["id"]
    answer = page.goto(f"http://evil.example:{console.port}/history")
    assert answer is not None and answer.status == 403
    assert "ALLOWED_HOSTS=evil.example" in page.inner_text("body")
    assert page.evaluate(SOCKET) == "refused"
    assert told(page, "/api/sessions")[0] == 403
    assert told(page, "/api/sessions", "POST", f'{{"agentId": "{agent}", "enableAvatar": true}}')[0] == 403
    assert told(page, "/sandbox/v2/conversations", "POST", '{"persona_id": "p2b8e10c94d6"}')[0] == 403
    assert told(page, "/sandbox/_sandbox/reset", "POST", "{}")[0] == 403
    assert requests.get(f"{console.url}/api/sessions", headers=TOKEN, timeout=5).json()["data"] == []
    calls = requests.get(f"{console.url}/sandbox/v2/conversations", headers={"x-api-key": "k"}, timeout=5).json()
    assert calls["total_count"] == 0


def test_a_page_of_another_server_of_this_machine_opens_no_socket(console: Dashboard, page: Page) -> None:
    with Dashboard() as other:
        page.goto(f"{other.url}/_stcore/health")
        there = SOCKET.replace("location.host", f"'127.0.0.1:{console.port}'")
        assert page.evaluate(there) == "refused"
        page.goto(f"{console.url}/_stcore/health")
        assert page.evaluate(SOCKET) == "open"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "greenroom.localhost"])
def test_the_own_names_draw_the_page_and_hold_a_call(console: Dashboard, page: Page, host: str) -> None:
    page.goto(f"http://{host}:{console.port}/")
    page.get_by_role("button", name="Start").first.click()
    room = page.frame_locator("iframe[title^='Call with']")
    room.get_by_role("button", name="Join").click()
    room.get_by_role("button", name="Leave").wait_for()
    page.get_by_role("button", name="End", exact=False).first.wait_for()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_room_whose_tab_is_closed_still_says_so(console: Dashboard, page: Page, host: str) -> None:
    fields = {"persona_id": "p2b8e10c94d6", "properties": {"participant_left_timeout": 0}}
    address = f"{console.url}/sandbox/v2/conversations"
    made = requests.post(address, json=fields, headers={"x-api-key": "k"}, timeout=5).json()
    page.goto(made["conversation_url"].replace("127.0.0.1", host))
    page.get_by_role("button", name="Join").click()
    page.get_by_role("button", name="Leave").wait_for()
    page.goto("about:blank")
    one = f"{address}/{made['conversation_id']}"
    until(lambda: requests.get(one, headers={"x-api-key": "k"}, timeout=5).json()["status"] == "ended", within_s=10)


def test_a_name_that_was_allowed_draws_the_page(page: Page) -> None:
    with Dashboard(env={"ALLOWED_HOSTS": "https://Good.example/, other.example"}) as console:
        page.goto(f"http://good.example:{console.port}/history")
        page.get_by_role("heading", name="History").wait_for()
