"""Personas as files, by hand in a real browser: export, import with a look at the plan first, conflict, refusal."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.house import GUIDE
from tests.running import Dashboard

pytestmark = pytest.mark.browser

CANARY = "sk-canary-B0a7"
STRANGE = '<img src=x onerror="document.title=1"> **md** :red[x]'
NEW = f"persona_name: '{STRANGE}'\nsystem_prompt: |\n  You are new.\n  Be kind.\n"
EDITED = "persona_name: Warm product guide\ngreeting: Welcome to the fair.\n"


class House:
    """A dashboard with a browser in front of it, and the sandbox inside it."""

    def __init__(self, console: Dashboard, page: Page) -> None:
        self.console, self.page = console, page
        self.box = f"{console.url}/sandbox"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.box}/v2{path}", json=body, headers={"x-api-key": "any"}, timeout=10)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def writes(self) -> list[str]:
        seen = requests.get(f"{self.box}/_sandbox/log", timeout=5).json()
        return [f"{entry['method']} {entry['path']}" for entry in seen if entry["method"] != "GET"]

    def reads(self) -> int:
        return len(requests.get(f"{self.box}/_sandbox/log", timeout=5).json())

    def dialog(self, way: str = "Import") -> Locator:
        """The dialog, newly opened."""
        self.page.goto(f"{self.console.url}/personas")
        self.page.get_by_role("button", name="Files").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_text(way, exact=True).click()
        return dialog

    def choose(self, dialog: Locator, **files: str | bytes) -> None:
        """Files by their names, with `_` for the dot."""
        chosen: list[FilePayload] = [
            {
                "name": name.replace("_", "."),
                "mimeType": "text/plain",
                "buffer": text if isinstance(text, bytes) else text.encode(),
            }
            for name, text in files.items()
        ]
        dialog.locator("input[type=file]").set_input_files(chosen)


@pytest.fixture
def house(page: Page) -> Iterator[House]:
    with Dashboard() as console:
        yield House(console, page)


def test_an_import_shows_the_plan_first_sends_nothing_before_it_is_told_to_and_says_what_was_done(house: House) -> None:
    dialog = house.dialog()
    expect(dialog.get_by_text("Nothing is sent before you say so.")).to_be_visible()
    secret = f"persona_name: Bad\nlayers:\n  llm:\n    api_key: {CANARY}\n"
    house.choose(dialog, new_yaml=NEW, guide_yaml=EDITED, bad_yaml=secret, same_yaml="persona_name: Sceptical buyer\n")
    expect(dialog.get_by_text("1 to create, 1 to change, 1 with nothing to do, 1 refused.")).to_be_visible()
    expect(dialog.get_by_text("Line 4: layers.llm.api_key is a secret")).to_be_visible()
    expect(dialog.get_by_text(STRANGE).first).to_be_visible()
    assert CANARY not in house.page.content()
    # So few fields are seen without a click.
    expect(dialog.get_by_text("1 field changes")).to_be_visible()
    expect(dialog.locator("ins", has_text="Welcome to the fair.")).to_be_visible()
    expect(dialog.get_by_text("2 fields are set")).to_be_visible()
    expect(dialog.get_by_text("Be kind.")).to_be_visible()
    seen = house.reads()
    dialog.get_by_role("textbox", name="What changed and why").fill("For the fair in May")
    assert (house.writes(), house.reads()) == ([], seen)

    dialog.get_by_role("button", name="Apply to 2 personas in the sandbox").click()
    expect(dialog.get_by_text("1 created, 1 changed, 1 with nothing to do, 1 not done.")).to_be_visible()
    assert sorted(house.writes()) == [f"PATCH /v2/personas/{GUIDE}", "POST /v2/personas"]
    assert house.call("GET", f"/personas/{GUIDE}")["greeting"] == "Welcome to the fair."
    dialog.get_by_role("button", name="Plan again").click()
    expect(dialog.get_by_text("3 with nothing to do, 1 refused.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Apply")).to_have_count(0)
    assert house.page.title() != "1"

    house.page.goto(f"{house.console.url}/personas?persona={GUIDE}&view=history")
    expect(house.page.get_by_text("For the fair in May")).to_be_visible()


def test_an_archive_of_all_personas_is_downloaded_holds_no_secret_and_comes_back_as_nothing_to_do(
    house: House, tmp_path: Path
) -> None:
    layers = {"llm": {"model": "own", "api_key": CANARY, "headers": {"x": CANARY}}}
    house.call("POST", "/personas", {"persona_name": "Own model", "system_prompt": "x", "layers": layers})
    dialog = house.dialog("Export")
    with house.page.expect_download() as download:
        dialog.get_by_role("button", name="Download personas.zip").click()
    download.value.save_as(tmp_path / "personas.zip")
    with zipfile.ZipFile(tmp_path / "personas.zip") as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert sorted(texts) == ["own-model.yaml", "sceptical-buyer.yaml", "warm-product-guide.yaml"]
    assert CANARY not in "".join(texts.values())
    assert "layers.llm.api_key" in texts["own-model.yaml"]

    dialog.get_by_text("Import", exact=True).click()
    house.choose(dialog, personas_zip=(tmp_path / "personas.zip").read_bytes())
    expect(dialog.get_by_text("3 with nothing to do.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Apply")).to_have_count(0)
    house.choose(dialog, broken_zip=b"PK no archive")
    expect(dialog.get_by_text("broken.zip can't be opened as a ZIP archive.")).to_be_visible()


def test_one_persona_is_downloaded_by_its_name(house: House) -> None:
    dialog = house.dialog("Export")
    dialog.get_by_role("combobox", name="Persona").click()
    house.page.get_by_role("option", name="Warm product guide").click()
    with house.page.expect_download() as download:
        dialog.get_by_role("button", name="Download warm-product-guide.yaml").click()
    assert "persona_name: Warm product guide" in Path(download.value.path()).read_text("utf-8")


def test_a_conflict_shows_both_sides_and_the_files_win_only_if_told_to(house: House) -> None:
    house.page.set_viewport_size({"width": 390, "height": 844})
    dialog = house.dialog("Export")
    dialog.get_by_role("combobox", name="Persona").click()
    house.page.get_by_role("option", name="Warm product guide").click()
    with house.page.expect_download() as download:
        dialog.get_by_role("button", name=re.compile("Download warm")).click()
    text = Path(download.value.path()).read_text("utf-8").replace("greeting: Hello", "greeting: Mine, hello")
    house.call("PATCH", f"/personas/{GUIDE}", [{"op": "replace", "path": "/greeting", "value": "Theirs."}])

    dialog = house.dialog()
    house.choose(dialog, guide_yaml=text)
    expect(dialog.get_by_text("1 in conflict.")).to_be_visible()
    expect(dialog.get_by_text("Struck through is at Tavus, underlined in the file.")).to_be_visible()
    expect(dialog.locator("del", has_text="Theirs.")).to_be_visible()
    expect(dialog.locator("ins", has_text="Mine, hello")).to_be_visible()
    expect(dialog.get_by_role("button", name="Apply")).to_have_count(0)
    assert house.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert requests.post(f"{house.box}/_sandbox/drafts", json={"persona_id": GUIDE}, timeout=5).ok
    dialog.get_by_text("Let the files win").click()
    dialog.get_by_role("button", name="Apply to 1 persona in the sandbox").click()
    expect(dialog.get_by_text("1 changed.")).to_be_visible()
    assert house.call("GET", f"/personas/{GUIDE}")["greeting"].startswith("Mine")
    dialog.get_by_role("button", name="Close").last.click()
    expect(dialog).to_be_hidden()


def test_a_list_that_can_not_be_read_is_no_empty_plan_and_nothing_chosen_is_lost(house: House) -> None:
    dialog = house.dialog()
    fault = [{"route": "GET /v2/personas", "status": 500, "body": {"error": "boom"}, "times": 1}]
    assert requests.post(f"{house.box}/_sandbox/faults", json=fault, timeout=5).ok
    house.choose(dialog, guide_yaml=EDITED)
    expect(dialog.get_by_text(re.compile("failed \\(500\\)"))).to_be_visible()
    expect(dialog.get_by_role("button", name="Apply")).to_have_count(0)
    dialog.get_by_role("button", name="Retry").click()
    expect(dialog.get_by_text("1 to change.")).to_be_visible()
