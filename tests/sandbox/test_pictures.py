"""Films of the replicas: over HTTP, and played by a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page

from lib.sandbox.replicas import faces, pictures
from tests.sandbox_server import RunningSandbox

ANNA = "r90bbd427f71"


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(color_scheme="light")
    yield opened
    opened.close()


def film(box: RunningSandbox, replica_id: str = ANNA) -> str:
    return str(box.call("GET", f"/replicas/{replica_id}").json()["thumbnail_video_url"])


def trained(box: RunningSandbox, url: str = "https://files.example/me.mp4") -> str:
    return str(box.call("POST", "/replicas", {"train_video_url": url}).json()["replica_id"])


def test_every_drawing_has_a_film_and_all_of_them_are_small() -> None:
    files = {file.name: file.stat().st_size for file in pictures.FOLDER.iterdir()}
    assert files.keys() == {f"{name}.webm" for name in (*faces.LOOKS, *faces.SPARE)}
    assert sum(files.values()) < 600_000
    assert min(files.values()) > 5_000


def test_every_stock_replica_has_a_film_of_its_own(box: RunningSandbox) -> None:
    rows = box.call("GET", "/replicas?limit=100").json()["data"]
    got = [requests.get(row["thumbnail_video_url"], timeout=5) for row in rows]
    assert {answer.status_code for answer in got} == {200}
    assert {answer.headers["content-type"] for answer in got} == {"video/webm"}
    assert len({answer.content for answer in got}) == len(rows) == 8


def test_a_film_can_be_had_in_parts(box: RunningSandbox) -> None:
    whole = requests.get(film(box), timeout=5)
    assert whole.headers["accept-ranges"] == "bytes"
    assert "max-age" in whole.headers["cache-control"]
    part = requests.get(film(box), headers={"range": "bytes=100-199"}, timeout=5)
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    assert requests.get(film(box), headers={"range": "bytes=9999999-"}, timeout=5).status_code == 416
    head = requests.head(film(box), timeout=5)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole.content)))


def test_there_is_a_film_once_a_replica_is_trained(box: RunningSandbox) -> None:
    box.freeze()
    mine, failed = trained(box), trained(box, "https://files.invalid/me.mp4")
    assert film(box, mine) == ""
    box.advance(8)
    assert film(box, mine) == f"{box.url}/faces/{mine}.webm"
    assert film(box, failed) == ""
    assert requests.get(film(box, mine), timeout=5).headers["content-type"] == "video/webm"


@pytest.mark.parametrize("name", ["..", "%2e%2e%2fapp.py", "x" * 300, "é", "r1%00"])
def test_any_id_has_a_film_and_none_leads_elsewhere(box: RunningSandbox, name: str) -> None:
    answer = requests.get(f"{box.url}/faces/{name}.webm", timeout=5)
    assert (answer.status_code, answer.headers["content-type"]) in [
        (200, "video/webm"),
        (404, "text/html; charset=utf-8"),
    ]


LOOKED_AT = """async ([film, portrait]) => {
  const seen = (picture) => {
    const canvas = new OffscreenCanvas(80, 44);
    canvas.getContext("2d").drawImage(picture, 0, 0, 80, 44);
    return canvas.getContext("2d").getImageData(0, 0, 80, 44).data;
  };
  const apart = (a, b) => a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;
  const blob = async (url) => URL.createObjectURL(await (await fetch(url)).blob());
  const video = Object.assign(document.createElement("video"), { muted: true, loop: true, src: await blob(film) });
  document.body.replaceChildren(video);
  await video.play();
  const image = Object.assign(new Image(400, 220), { src: await blob(portrait) });
  await image.decode();
  const shots = [];
  for (let i = 0; i < 12; i++) {
    await new Promise((done) => video.requestVideoFrameCallback(done));
    await new Promise((done) => setTimeout(done, 60));
    shots.push(seen(video));
  }
  const moved = Math.max(...shots.map((shot) => apart(shot, shots[0])));
  video.currentTime = video.duration - 0.15;
  await new Promise((done) => video.addEventListener("seeked", done, { once: true }));
  await new Promise((done) => setTimeout(done, 600));
  return {
    size: [video.videoWidth, video.videoHeight], duration: video.duration, moved,
    looped: video.currentTime < 2 && !video.paused, likeness: apart(shots[0], seen(image)),
  };
}"""


@pytest.mark.browser
def test_a_browser_plays_the_film_again_and_again_and_it_shows_the_person_of_the_portrait(
    box: RunningSandbox, page: Page
) -> None:
    mine = trained(box)
    box.advance(8)
    page.goto(f"{box.url}/room-assets/none")
    for replica_id in (ANNA, "r6be20c9417d", mine):
        url = film(box, replica_id)
        told = page.evaluate(LOOKED_AT, [url, url.replace(".webm", ".svg")])
        assert told["size"] == [400, 220]
        assert told["duration"] == pytest.approx(4.0, abs=0.1)
        assert told["moved"] > 0.3
        assert told["looped"]
        assert told["likeness"] < 8
    other = page.evaluate(LOOKED_AT, [film(box), f"{box.url}/faces/r874cc5f8a3b.svg"])
    assert other["likeness"] > 12
