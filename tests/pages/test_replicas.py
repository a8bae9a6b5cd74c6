"""The Replicas page: empty, working and refused; what is shown of each, found, and put on an agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.house import ANNA, GUIDE, LUCAS, demo
from tests.pages.opened import Console, console, html, words
from tests.sandbox_server import eventually

STRANGE = '<img src=x onerror="alert(1)"> :red[x] *y* שלום'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path) as made:
        yield made


def films(app: AppTest) -> list[dict[str, Any]]:
    """The replicas as they were sent to the browser."""
    drawn = [element.proto for element in app.main if element.type == "bidi_component"]
    found = [proto for proto in drawn if proto.component_name == "greenroom_films"]
    listed: list[dict[str, Any]] = json.loads(found[0].json)["cards"] if found else []
    return listed


def names(app: AppTest) -> list[str]:
    return [film["name"] for film in films(app)]


def trained(house: Console, name: str, url: str = "https://example.org/a.png") -> str:
    row = {"replica_name": name, "train_image_url": url, "voice_name": "anna", "model_name": "phoenix-3"}
    answer = house.sandbox.call("POST", "/replicas", row)
    assert answer.ok, answer.text
    return str(answer.json()["replica_id"])


def failed(house: Console, name: str) -> str:
    made = trained(house, name, "https://nowhere.invalid/a.png")
    house.sandbox.advance(60)
    eventually(lambda: house.sandbox.call("GET", f"/replicas/{made}").json()["status"] == "error")
    return made


def test_an_account_without_replicas_says_what_would_be_here(house: Console) -> None:
    house.sandbox.reset(stock=False)
    app = house.open("replicas")
    assert "No replicas in this account" in html(app)
    assert films(app) == []


def test_the_gallery_shows_face_model_and_who_wears_it_with_two_requests_and_none_on_a_rerun(house: Console) -> None:
    demo(house.services)
    app = house.open("replicas")
    assert house.asked() == ["GET /v2/replicas", "GET /v2/personas"]
    anna = next(film for film in films(app) if film["replica"] == ANNA)
    assert anna["lines"] == ["Stock · phoenix-4", "Worn by 1 agent, 1 persona"]
    assert anna["face"].endswith(f"/faces/{ANNA}.svg")
    assert (anna["wearable"], anna["chip"], anna["lacks"]) == (True, None, "")
    app.run()
    assert len(house.asked()) == 2


def test_ones_own_come_first_and_training_and_errors_are_said_in_plain_words(house: Console) -> None:
    broken = failed(house, STRANGE)
    house.sandbox.freeze()
    made = trained(house, "Mine")
    house.sandbox.advance(2)
    shown = {film["replica"]: film for film in films(house.open("replicas"))}
    assert list(shown)[:2] == [made, broken]
    assert shown[made]["chip"] == ["In training, 25 %", "blue", "progress_activity"]
    assert shown[broken]["chip"][0] == "Failed"
    assert shown[broken]["lacks"] == "Tavus could not download the training file"
    assert shown[broken]["name"] == STRANGE
    assert not shown[made]["wearable"] and not shown[broken]["wearable"]


def test_replicas_are_found_by_name_tag_whose_model_and_state(house: Console) -> None:
    trained(house, "Mine")
    app = house.open("replicas")
    assert len(names(app)) == 9
    app.text_input(key="replicas_search").input("studio").run()
    assert names(app) == ["Gloria", "Leo"]
    app.text_input(key="replicas_search").input("").run()
    app.segmented_control(key="replicas_kind").set_value("Yours").run()
    assert names(app) == ["Mine"]
    app.segmented_control(key="replicas_kind").set_value("All").run()
    app.selectbox(key="replicas_model").set_value("phoenix-3").run()
    assert names(app) == ["Mine"]
    app.selectbox(key="replicas_state").set_value("Ready").run()
    assert films(app) == []
    assert "Nothing found" in html(app)


def test_the_details_name_id_model_and_wearers_and_lead_to_an_agent(house: Console) -> None:
    agent = demo(house.services, name=STRANGE)
    other = demo(house.services, name="Evening", replica_id=LUCAS)
    app = house.open("replicas", replica=ANNA)
    assert app.title[0].value == "Anna"
    assert app.code[0].value == ANNA
    assert "phoenix-4" in html(app) and "office, professional" in html(app)
    links = [element.proto.query_string for element in app.main if element.type == "page_link"]
    assert links == [f"agent={agent.id}", f"persona={GUIDE}"]
    app.selectbox(key="replicas_agent").set_value(other.id).run()
    app.button(key="replicas_put_on").click().run()
    assert app.query_params["agent"] == other.id
    assert "replica" not in app.query_params
    assert "Replica: **Anna**" in words(app) and "1 edit not saved" in words(app)
    house.go(app, "agents", agent=other.id)
    app.button(key="agents_save").click().run()
    assert house.services.agents.get(other.id).replica_id == ANNA


def test_a_new_agent_begins_with_the_replica(house: Console) -> None:
    app = house.open("replicas", replica=LUCAS)
    app.button(key="replicas_wear").click().run()
    assert app.title[0].value == "New agent"
    assert "Replica: **Lucas**" in words(app)


def test_one_that_can_not_be_worn_says_why_and_offers_no_agent(house: Console) -> None:
    demo(house.services)
    broken = failed(house, "Mine")
    app = house.open("replicas", replica=broken)
    said = words(app)
    assert "Tavus could not download the training file." in said
    assert "It can’t be put on an agent. Give a link that anyone can open" in said
    assert not [button for button in app.button if button.key in ("replicas_wear", "replicas_put_on")]


def test_training_can_be_looked_at_again(house: Console) -> None:
    house.sandbox.freeze()
    made = trained(house, "Mine")
    app = house.open("replicas", replica=made)
    assert "Still in training, 0 % done" in words(app)
    house.sandbox.advance(60)
    eventually(lambda: house.sandbox.call("GET", f"/replicas/{made}").json()["status"] == "completed")
    app.button(key="replicas_again").click().run()
    assert app.button(key="replicas_wear").label == "Put on a new agent"


def test_an_unknown_replica_is_told_with_a_way_back(house: Console) -> None:
    app = house.open("replicas", replica="rgone0000000")
    assert "There is no replica" in words(app)
    app.button(key="replicas_back").click().run()
    assert len(films(app)) == 8


def test_what_tavus_refuses_is_named_and_never_looks_empty(house: Console) -> None:
    house.sandbox.faults({"route": "GET /v2/replicas", "status": 500, "body": {"error": "boom"}, "times": -1})
    app = house.open("replicas")
    assert "failed (500)" in words(app)
    assert "No replicas" not in words(app)
    assert app.button(key="feedback_retry_read-the-replicas").label == "Retry"
    house.sandbox.faults()
    app.button(key="feedback_retry_read-the-replicas").click().run()
    assert len(films(app)) == 8


def test_without_the_personas_the_faces_stay(house: Console) -> None:
    house.sandbox.faults({"route": "GET /v2/personas", "status": 500, "body": {"error": "boom"}, "times": -1})
    app = house.open("replicas")
    assert "failed (500)" in words(app)
    assert len(films(app)) == 8
