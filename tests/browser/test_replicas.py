"""A replica's film plays while it is pointed at, one at a time, under the policy of the page; in a real browser."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.house import ANNA, KEY, LUCAS
from tests.running import Dashboard
from tests.sandbox_server import RunningSandbox, running_sandbox

pytestmark = pytest.mark.browser

CDN = "https://cdn.replica.tavus.io"
FOREIGN = "https://films.example.org"
ELSEWHERE = "r5dc7c7d0bcb"
RECORD = """async () => {
  const canvas = document.createElement("canvas");
  const ink = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" });
  const parts = [];
  recorder.ondataavailable = event => parts.push(event.data);
  const stopped = new Promise(done => recorder.onstop = done);
  recorder.start();
  for (let n = 0; n < 10; n++) {
    ink.fillStyle = `hsl(${n * 36} 60% 50%)`;
    ink.fillRect(0, 0, 300, 150);
    await new Promise(done => setTimeout(done, 50));
  }
  recorder.stop();
  await stopped;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
}"""


@pytest.fixture(scope="module")
def film(browser: Browser) -> bytes:
    """A film of half a second, made by the browser itself."""
    page = browser.new_page()
    recorded = base64.b64decode(page.evaluate(RECORD))
    page.close()
    return recorded


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    """A Tavus whose replicas have films where Tavus keeps them, and one where it does not."""
    with running_sandbox() as made:
        rows = made.call("GET", "/replicas?verbose=true&limit=100").json()
        for row in rows["data"]:
            host = FOREIGN if row["replica_id"] == ELSEWHERE else CDN
            row["thumbnail_video_url"] = f"{host}/{row['replica_id']}.mp4"
        made.faults({"route": "GET /v2/replicas", "status": 200, "body": rows, "times": -1})
        yield made


@pytest.fixture(scope="module")
def console(sandbox: RunningSandbox) -> Iterator[Dashboard]:
    with Dashboard(env={"TAVUS_API_KEY": KEY, "TAVUS_BASE_URL": sandbox.v2}) as made:
        yield made


class Gallery:
    """The page, with what it asked of other hosts and what its policy complained of."""

    def __init__(self, page: Page, console: Dashboard, film: bytes) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self._film = film
        page.route(f"{CDN}/**", self._answer)
        page.route(f"{FOREIGN}/**", self._answer)
        page.on("console", lambda m: self.complaints.append(m.text) if "Content Security Policy" in m.text else None)
        page.goto(f"{console.url}/replicas")
        expect(self.film(ANNA)).to_be_visible()

    def _answer(self, route: Route) -> None:
        self.asked.append(route.request.url)
        route.fulfill(body=self._film, content_type="video/webm")

    def film(self, replica: str) -> Any:
        return self.page.locator(f'[data-replica="{replica}"] .gr-film')

    def plays(self, replica: str) -> None:
        expect(self.film(replica).locator("video.on")).to_be_visible()
        self.page.wait_for_function(
            "id => document.querySelector(`[data-replica='${id}'] video`).currentTime > 0", arg=replica
        )

    def still(self, replica: str) -> None:
        expect(self.film(replica).locator("video")).to_have_count(0)


@pytest.fixture
def gallery(browser: Browser, console: Dashboard, film: bytes) -> Iterator[Gallery]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(15_000)
    yield Gallery(page, console, film)
    page.close()


def test_only_the_film_that_is_pointed_at_is_fetched_and_played(gallery: Gallery) -> None:
    gallery.page.wait_for_timeout(500)
    assert gallery.asked == []
    gallery.film(ANNA).hover()
    gallery.plays(ANNA)
    gallery.film(LUCAS).hover()
    gallery.plays(LUCAS)
    gallery.still(ANNA)
    gallery.page.get_by_role("heading", name="Replicas").hover()
    gallery.still(LUCAS)
    assert set(gallery.asked) == {f"{CDN}/{ANNA}.mp4", f"{CDN}/{LUCAS}.mp4"}
    assert gallery.complaints == []


def test_the_keyboard_plays_it_on_focus_and_stops_it_with_enter(gallery: Gallery) -> None:
    gallery.film(ANNA).focus()
    gallery.page.keyboard.press("Shift+Tab")
    gallery.page.keyboard.press("Tab")
    gallery.plays(ANNA)
    gallery.page.keyboard.press("Enter")
    gallery.still(ANNA)
    gallery.page.keyboard.press("Enter")
    gallery.plays(ANNA)
    gallery.page.keyboard.press("Tab")
    gallery.still(ANNA)


def test_a_film_from_elsewhere_is_not_fetched_and_the_picture_stays(gallery: Gallery) -> None:
    gallery.film(ELSEWHERE).hover()
    expect(gallery.film(ELSEWHERE)).to_have_attribute("data-failed", "true")
    gallery.still(ELSEWHERE)
    assert gallery.asked == []
    assert any("media-src" in text for text in gallery.complaints)
    expect(gallery.film(ELSEWHERE).locator("img")).to_be_visible()


def test_who_asks_for_less_motion_plays_it_by_a_click_only(browser: Browser, console: Dashboard, film: bytes) -> None:
    page = browser.new_page(reduced_motion="reduce")
    gallery = Gallery(page, console, film)
    gallery.film(ANNA).hover()
    page.wait_for_timeout(300)
    gallery.still(ANNA)
    assert gallery.asked == []
    gallery.film(ANNA).click()
    gallery.plays(ANNA)
    gallery.film(ANNA).click()
    gallery.still(ANNA)
    page.close()


def test_a_finger_plays_and_stops_it_by_a_tap(browser: Browser, console: Dashboard, film: bytes) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    gallery = Gallery(page, console, film)
    gallery.film(ANNA).tap()
    gallery.plays(ANNA)
    gallery.film(ANNA).tap()
    gallery.still(ANNA)
    page.close()


def test_the_details_and_put_on_an_agent_are_one_click_away(gallery: Gallery) -> None:
    cell = gallery.page.locator(f'[data-replica="{LUCAS}"]')
    cell.get_by_role("button", name="Details").click()
    expect(gallery.page.get_by_role("heading", name="Lucas")).to_be_visible()
    assert gallery.page.url.endswith(f"/replicas?replica={LUCAS}")
    gallery.page.go_back()
    cell.get_by_role("button", name="Put on an agent").click()
    expect(gallery.page.get_by_role("heading", name="New agent")).to_be_visible()
    expect(gallery.page.get_by_text("Replica: Lucas")).to_be_visible()


def test_the_sandbox_shows_films_of_its_own(browser: Browser) -> None:
    with Dashboard() as console:
        page = browser.new_page()
        page.goto(f"http://localhost:{console.port}/replicas")
        preview = page.locator(f'[data-replica="{ANNA}"] .gr-film')
        preview.hover()
        expect(preview.locator("video.on")).to_be_visible()
        page.close()
