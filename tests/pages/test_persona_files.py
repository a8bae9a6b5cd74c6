"""A file on the page that compares. The dialog for export and import is in tests/browser/test_persona_files.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import GUIDE
from tests.pages.opened import Console, console, html

CANARY = "sk-canary-9aF31"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path) as made:
        yield made


def test_a_file_is_compared_with_what_is_live_and_nothing_is_sent(house: Console) -> None:
    app = house.open("personas", persona=GUIDE, view="compare")
    seen = len(house.asked())
    text = b"persona_name: Warm product guide\ngreeting: Welcome to the fair.\ncontext: null\n"
    app.file_uploader(key="persona_files_compare").set_value(("guide.yaml", text, "application/yaml")).run()
    assert not app.exception
    assert app.selectbox(key="personas_compare_b").value == "file"
    shown = html(app)
    assert "2 fields differ." in shown
    assert "As guide.yaml would make it" in shown
    assert "Welcome to the fair." in shown
    assert house.asked(seen) == []
    app.file_uploader(key="persona_files_compare").set_value(None).run()
    assert app.selectbox(key="personas_compare_b").value != "file"


def test_a_file_that_says_the_same_differs_in_nothing(house: Console) -> None:
    app = house.open("personas", persona=GUIDE, view="compare", a="live")
    text = b"persona_name: Warm product guide\npipeline_mode: full\n"
    app.file_uploader(key="persona_files_compare").set_value(("guide.yaml", text, "application/yaml")).run()
    assert "They say the same" in html(app)


def test_a_file_that_can_not_be_used_says_why_and_the_rest_of_the_page_works(house: Console) -> None:
    app = house.open("personas", persona=GUIDE, view="compare")
    text = f"persona_name: A\nlayers: {{llm: {{api_key: {CANARY}}}}}\n".encode()
    app.file_uploader(key="persona_files_compare").set_value(("bad.yaml", text, "application/yaml")).run()
    assert not app.exception
    said = "\n".join(element.value.replace("\\", "") for element in app.markdown)
    assert "bad.yaml, line 2: layers.llm.api_key is a secret" in said
    assert CANARY not in said
    assert CANARY not in "\n".join(str(element.proto) for element in app.main)
    assert app.selectbox(key="personas_compare_a").options
