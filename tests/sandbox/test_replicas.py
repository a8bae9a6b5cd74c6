from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox_server import RunningSandbox

ANNA = "r90bbd427f71"
STOCK = [
    ("r90bbd427f71", "Anna"), ("r5dc7c7d0bcb", "Gloria"), ("r874cc5f8a3b", "Lucas"), ("r5f0577fc829", "Mira"),
    ("rc9cff32ceba", "Leo"), ("r4067604db72", "Ines"), ("r3a8d1f40c27", "Hugo"), ("r6be20c9417d", "Sana"),
]  # fmt: skip


def rows(box: RunningSandbox, query: str = "limit=100") -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = box.call("GET", f"/replicas?{query}").json()["data"]
    return data


def trained(box: RunningSandbox, **fields: Any) -> str:
    body = {"train_video_url": "https://files.example/me.mp4", "replica_name": "Me", **fields}
    response = box.call("POST", "/replicas", body)
    assert response.status_code == 200, response.text
    return str(response.json()["replica_id"])


def test_the_stock_set_is_ready_and_has_faces_of_its_own(box: RunningSandbox) -> None:
    found = rows(box)
    assert [(row["replica_id"], row["replica_name"]) for row in found] == STOCK
    for row in found:
        assert (row["status"], row["model_name"], row["training_progress"]) == ("completed", "phoenix-4", "100/100")
        assert row["thumbnail_image_url"] == f"{box.url}/faces/{row['replica_id']}.svg"
        assert row["face_id"] == row["replica_id"]


def test_the_type_is_told_only_when_verbose(box: RunningSandbox) -> None:
    assert "replica_type" not in rows(box)[0]
    verbose = rows(box, "verbose=true")[0]
    assert verbose["replica_type"] == verbose["face_type"] == "system"
    assert "replica_type" not in box.call("GET", f"/replicas/{ANNA}").json()
    assert box.call("GET", f"/faces/{ANNA}?verbose=true").json()["face_type"] == "system"


def test_filters_take_either_vocabulary(box: RunningSandbox) -> None:
    mine = trained(box, model_name="phoenix-3")
    assert [row["replica_id"] for row in rows(box, "replica_type=user")] == [mine]
    assert [row["replica_id"] for row in rows(box, "model_name=phoenix-3")] == [mine]
    assert len(rows(box, "face_type=system")) == 8
    assert [row["replica_name"] for row in rows(box, f"replica_ids={ANNA},r874cc5f8a3b,rnone")] == ["Anna", "Lucas"]
    assert box.call("GET", f"/faces?face_ids={ANNA}").json()["total_count"] == 1


def test_an_unknown_id_is_400(box: RunningSandbox) -> None:
    for method, path in [("GET", ""), ("DELETE", ""), ("PATCH", "/name"), ("PATCH", "")]:
        response = box.call(method, f"/replicas/rnone{path}", {"replica_name": "x"} if method == "PATCH" else None)
        assert (response.status_code, response.json()) == (400, {"error": "Invalid replica_id"})


def test_training_goes_from_started_to_completed(box: RunningSandbox) -> None:
    box.freeze()
    replica_id = trained(box)
    row = box.call("GET", f"/replicas/{replica_id}").json()
    assert (row["status"], row["training_progress"], row["error_message"]) == ("started", "0/100", None)
    box.advance(4)
    row = box.call("GET", f"/replicas/{replica_id}").json()
    assert (row["status"], row["training_progress"]) == ("started", "50/100")
    box.advance(4)
    row = box.call("GET", f"/replicas/{replica_id}").json()
    assert (row["status"], row["training_progress"], row["error_message"]) == ("completed", "100/100", None)


@pytest.mark.parametrize("url", ["https://files.invalid/me.mp4", "me.mp4", "http://["])
def test_a_file_that_cannot_be_downloaded_ends_in_an_error(box: RunningSandbox, url: str) -> None:
    replica_id = trained(box, train_video_url=url)
    box.advance(8)
    row = box.call("GET", f"/replicas/{replica_id}").json()
    assert row["status"] == "error"
    assert "download" in row["error_message"]
    refused = box.call("POST", "/conversations", {"replica_id": replica_id})
    assert refused.status_code == 400


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Either train_video_url or train_image_url must be provided."),
        (
            {"train_video_url": "https://a.example/v", "train_image_url": "https://a.example/i", "voice_name": "anna"},
            "Either train_video_url or train_image_url must be provided.",
        ),
        ({"train_image_url": "https://a.example/i"}, "voice_name is required with train_image_url."),
        ({"train_video_url": 5}, "train_video_url must be a string."),
    ],
)
def test_training_needs_one_file(box: RunningSandbox, body: dict[str, Any], message: str) -> None:
    response = box.call("POST", "/replicas", body)
    assert (response.status_code, response.json()) == (400, {"error": message})


def test_rename_and_delete_one_of_our_own(box: RunningSandbox) -> None:
    replica_id = trained(box)
    response = box.call("PATCH", f"/replicas/{replica_id}/name", {"replica_name": "Rio"})
    assert (response.status_code, response.content) == (200, b"")
    assert box.call("GET", f"/replicas/{replica_id}").json()["replica_name"] == "Rio"
    assert box.call("PATCH", f"/replicas/{replica_id}/name", {}).status_code == 400
    merged = box.call("PATCH", f"/faces/{replica_id}", {"face_name": "Ria"}).json()
    assert (merged["face_id"], merged["face_name"]) == (replica_id, "Ria")
    response = box.call("DELETE", f"/replicas/{replica_id}?hard=true")
    assert (response.status_code, response.content) == (200, b"")
    assert box.call("GET", f"/replicas/{replica_id}").status_code == 400


def test_a_stock_replica_can_be_neither_renamed_nor_deleted(box: RunningSandbox) -> None:
    assert box.call("PATCH", f"/replicas/{ANNA}/name", {"replica_name": "Mine"}).status_code == 400
    assert box.call("DELETE", f"/replicas/{ANNA}").status_code == 400


def test_voices_are_those_of_the_stock(box: RunningSandbox) -> None:
    trained(box)
    page = box.call("GET", "/voices?limit=3").json()
    assert [row["voice_name"] for row in page["data"]] == ["anna", "gloria", "hugo"]
    assert (page["total_count"], page["page"], page["limit"], page["data"][0]["replica_id"]) == (8, 1, 3, ANNA)
    assert [row["voice_name"] for row in box.call("GET", "/voices?search=AN&sort=desc").json()["data"]] == [
        "sana",
        "anna",
    ]
    assert box.call("GET", "/voices?tag=Clinic").json()["data"][0]["tags"][0] == {"tag_name": "clinic"}
