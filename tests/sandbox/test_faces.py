"""Drawn faces: the stock ones, one for every other id, and the picture over HTTP."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
import requests

from lib.sandbox.replicas import faces
from tests.sandbox_server import RunningSandbox


def test_each_stock_replica_has_a_face_of_its_own() -> None:
    drawn = {faces.figure(replica_id) for replica_id in faces.LOOKS}
    assert len(drawn) == len(faces.NAMES) == 8


def test_a_replica_without_a_drawing_gets_the_same_face_each_time_and_not_everybodys() -> None:
    assert faces.face_svg("rmine", name="M") == faces.face_svg("rmine", name="M")
    assert len({faces.figure(f"r{number}") for number in range(40)}) > 15


@pytest.mark.parametrize("replica_id", [*faces.LOOKS, "", "r1", "<x>", "é" * 300, "\ud800"])
def test_every_face_is_well_formed_and_has_the_parts_that_the_room_moves(replica_id: str) -> None:
    drawn = ElementTree.fromstring(faces.face_svg(replica_id, name="N"))
    groups = {element.get("class") for element in drawn.iter() if element.get("class")}
    assert {"f-head", "f-eye", "f-iris", "f-brow", "f-mouth", "f-lips", "f-skull", "f-body", "f-back"} <= groups


def test_a_name_in_a_picture_is_text() -> None:
    drawn = faces.face_svg("r1", name='"><script>alert(1)</script>')
    assert "<script" not in drawn
    assert ElementTree.fromstring(drawn).get("aria-label") == 'Drawn portrait of "><script>alert(1)</script>'


def test_a_picture_is_kept_by_the_browser_and_asked_for_again_without_a_body(box: RunningSandbox) -> None:
    url = f"{box.url}/faces/r90bbd427f71.svg"
    first = requests.get(url, timeout=5)
    assert first.headers["content-type"].startswith("image/svg+xml")
    assert "max-age" in first.headers["cache-control"]
    again = requests.get(url, headers={"if-none-match": first.headers["etag"]}, timeout=5)
    assert (again.status_code, again.content) == (304, b"")
    assert requests.get(f"{url}?square", timeout=5).content != first.content


def test_the_thumbnails_of_stock_replicas_are_these_pictures(box: RunningSandbox) -> None:
    rows = box.call("GET", "/replicas?verbose=true").json()["data"]
    for row in rows:
        picture = requests.get(row["thumbnail_image_url"], timeout=5)
        assert picture.status_code == 200
        assert f"Drawn portrait of {row['replica_name']}" in picture.text
