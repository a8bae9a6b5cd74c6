"""A save begins with one click, also while the cursor is still in the field that was typed in."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.running import Dashboard

pytestmark = pytest.mark.browser

HAND_MS = 150
"""How long a hand holds a button of the mouse: the field's value is on its way meanwhile."""


def type_and_click(page: Page, field: Locator, text: str, button: str) -> None:
    """Type at the end of the field, then click at once, once, without leaving the field first."""
    field.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)
    page.get_by_role("button", name=button, exact=True).click(delay=HAND_MS)


@pytest.mark.parametrize(
    ("address", "label"),
    [
        ("personas?persona=p2b8e10c94d6", "Greeting"),
        ("library?kind=guardrails&item=g10b8a4d72e6", "Rule"),
        ("library?kind=objectives&item=o4c17d0be92a", "Name of the set"),
    ],
)
def test_one_click_opens_the_review_of_what_was_just_typed(page: Page, address: str, label: str) -> None:
    with Dashboard() as console:
        page.goto(f"{console.url}/{address}")
        field = page.get_by_role("textbox", name=label, exact=True)
        expect(field).not_to_have_value("")
        page.get_by_role("button", name="Review and save").click()
        expect(page.get_by_text("Nothing has changed.")).to_be_visible()
        type_and_click(page, field, " Anew", "Review and save")
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("Save these changes?")).to_be_visible()
        expect(dialog.get_by_text("Anew").first).to_be_visible()
        assert "Session State API" not in console.log, console.log


def test_one_click_saves_the_name_of_an_agent_that_was_just_typed(page: Page) -> None:
    with Dashboard() as console:
        page.goto(f"{console.url}/agents")
        page.get_by_role("button", name="Edit").first.click()
        field = page.get_by_role("textbox", name="Name", exact=True)
        expect(field).not_to_have_value("")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Nothing has changed.")).to_be_visible()
        type_and_click(page, field, " anew", "Save")
        expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
        expect(page.get_by_role("heading", name="anew")).to_be_visible()
