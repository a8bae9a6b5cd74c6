"""A persona's objectives, guardrails and documents are chosen by name in its form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.house import GUIDE
from tests.pages.opened import Console, console, everything, words

RULE, CHAIN, SITE, OLD_SET = "g10b8a4d72e6", "o4c17d0be92a", "d8-7be24d90a5c1", "g6c0e4a9d18b"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path) as made:
        yield made


def opened(house: Console) -> AppTest:
    """The persona's form with its knowledge unfolded."""
    app = house.open("personas", persona=GUIDE)
    app.session_state[f"personas_{GUIDE}_1_open.knowledge"] = True
    app.run()
    assert not app.exception
    return app


def pick(app: AppTest, name: str) -> Any:
    key = f"personas_{GUIDE}_1_{name}.pick"
    return next(widget for widget in (*app.multiselect, *app.selectbox) if widget.key == key)


def test_names_are_read_only_once_the_group_is_unfolded_and_never_again(house: Console) -> None:
    app = house.open("personas", persona=GUIDE)
    before = len(house.asked())
    assert not [route for route in house.asked() if "objectives" in route or "documents" in route]
    app.session_state[f"personas_{GUIDE}_1_open.knowledge"] = True
    app.run()
    lists = ["GET /v2/documents", "GET /v2/guardrails", "GET /v2/guardrails", "GET /v2/objectives"]
    assert sorted(house.asked(before)) == lists
    for _ in range(3):
        app.run()
    assert len(house.asked()) == before + 4


def test_each_kind_is_chosen_by_name_and_kept_as_the_form_keeps_ids(house: Console) -> None:
    app = opened(house)
    assert "Discovery call" in pick(app, "objectives_id").options
    assert "no_prices" in pick(app, "guardrail_ids").options
    assert "Help pages" in pick(app, "document_ids").options
    assert [name for name in pick(app, "document_ids").options if name.startswith("Price list (could not be read")]
    pick(app, "guardrail_ids").set_value([RULE]).run()
    pick(app, "document_ids").set_value([SITE]).run()
    pick(app, "guardrail_tags").set_value(["sales", "brand-new"]).run()
    pick(app, "objectives_id").set_value(CHAIN).run()
    pick(app, "guardrails_id").set_value(OLD_SET).run()
    assert not app.exception
    held = {name: app.session_state[f"personas_{GUIDE}_1_{name}"] for name in ("guardrail_ids", "guardrail_tags")}
    assert held == {"guardrail_ids": RULE, "guardrail_tags": "sales\nbrand-new"}
    assert "5 local edits" in words(app)
    # The fold stays as it was: what it says must not follow what is chosen.
    assert pick(app, "guardrail_ids").value == [RULE]


def test_a_review_of_the_persona_names_what_is_attached(house: Console) -> None:
    app = opened(house)
    pick(app, "guardrail_ids").set_value([RULE]).run()
    app.button(key="personas_review").click().run()
    assert not app.exception
    assert f"no_prices ({RULE})" in everything(app)


def test_an_id_that_is_not_there_is_shown_and_kept(house: Console) -> None:
    gone = {"guardrail_ids": ["g404", RULE], "objectives_id": "o404"}
    steps = [{"op": "add", "path": f"/{name}", "value": value} for name, value in gone.items()]
    assert house.sandbox.call("PATCH", f"/personas/{GUIDE}", steps).ok
    app = opened(house)
    assert pick(app, "guardrail_ids").value == ["g404", RULE]
    assert "g404, not found" in pick(app, "guardrail_ids").options
    assert "o404, not found" in pick(app, "objectives_id").options
    assert "local edit" not in words(app)


@pytest.mark.parametrize("how", [{"status": 401, "body": {"message": "no"}}, {"html": True}])
def test_where_names_can_not_be_read_ids_are_typed_and_why_is_said(how: dict[str, Any], house: Console) -> None:
    house.sandbox.faults({"route": "GET /v2/documents", "times": -1, **how})
    app = opened(house)
    assert "So no names here: ids, one a line." in words(app)
    area = next(area for area in app.text_area if area.key == f"personas_{GUIDE}_1_document_ids")
    area.input(SITE).run()
    assert "1 local edit" in words(app)
    assert "no_prices" in pick(app, "guardrail_ids").options
