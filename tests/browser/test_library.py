"""Knowledge & rules by hand: a chain, a rule and a document are made, watched, attached, and seen in the persona."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.running import Dashboard

pytestmark = pytest.mark.browser

PERSONA, NAME = "p2b8e10c94d6", "Warm product guide"


def type_in(page: Page, label: str, text: str, nth: int = 0) -> None:
    field = page.get_by_role("textbox", name=label, exact=True).nth(nth)
    field.fill(text)
    field.blur()


def attach(page: Page, name: str) -> None:
    """Attach the item that is open to a persona, in the dialog."""
    page.get_by_role("button", name="Attach to personas").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Nothing changes.", exact=True)).to_be_visible()
    dialog.get_by_role("combobox").click()
    option = page.get_by_role("option", name=name)
    expect(option).to_be_visible()
    # While the list is open, all around it is hidden from roles.
    shown, save = page.get_by_role("listbox").bounding_box(), page.locator(".st-key-library_attach").bounding_box()
    assert shown and save and shown["y"] + shown["height"] <= save["y"], "the open list lies on the buttons"
    option.click()
    page.keyboard.press("Escape")
    expect(dialog.get_by_text(f"Save attaches it to {name}")).to_be_visible()
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(f"Attached to {name}.")).to_be_visible()
    expect(page.get_by_role("link", name=name)).to_be_visible()


def persona(console: Dashboard) -> dict[str, Any]:
    answer = requests.get(
        f"{console.url}/api/personas/{PERSONA}", headers={"Authorization": "Bearer sandbox"}, timeout=10
    )
    row: dict[str, Any] = answer.json()
    return row


def item_id(page: Page) -> str:
    expect(page).to_have_url(re.compile(r"item=(?!new)"))
    found = re.search(r"item=([\w-]+)", page.url)
    assert found is not None
    return found[1]


def test_a_chain_a_rule_and_a_document_are_made_watched_attached_and_seen_in_the_persona(page: Page) -> None:
    with Dashboard() as console:
        page.goto(f"{console.url}/library")

        # a chain from an example, with one step more
        page.get_by_role("button", name="New objectives").click()
        page.get_by_role("button", name="Patient intake").click()
        expect(page.get_by_role("textbox", name="Name of the set")).to_have_value("Patient intake")
        page.get_by_role("button", name="Add a step").click()
        type_in(page, "Name", "Say goodbye")
        expect(page.get_by_text("Tavus takes no blanks in it: use say_goodbye.")).to_be_visible()
        type_in(page, "What to reach", "Thank them and say goodbye.")
        page.get_by_role("button", name="Create objectives").click()
        expect(page.locator("summary", has_text="Say goodbye")).to_be_visible()
        expect(page.get_by_role("textbox", name="What to reach")).to_have_value("Thank them and say goodbye.")
        type_in(page, "Name", "say_goodbye")
        page.locator("summary", has_text="Say goodbye").click()
        expect(page.locator("summary", has_text="say_goodbye")).to_be_visible()
        page.get_by_role("button", name="Create objectives").click()
        expect(page.get_by_role("heading", name="Patient intake")).to_be_visible()
        chain = item_id(page)
        assert "Session State API" not in console.log, console.log
        attach(page, NAME)

        # a rule, and an edit of it
        page.get_by_role("button", name="All objectives").click()
        page.get_by_role("radio", name="Guardrails").click()
        page.get_by_role("button", name="New guardrail").click()
        type_in(page, "Name", "stay_on_topic")
        type_in(page, "Rule", "Never talk about anything but the product.")
        page.get_by_role("button", name="Create guardrail").click()
        expect(page.get_by_role("heading", name="stay_on_topic")).to_be_visible()
        rule = item_id(page)
        type_in(page, "Rule", "Never talk about anything but our product.")
        page.get_by_role("button", name="Review and save").click()
        review = page.get_by_role("dialog")
        expect(review.get_by_text("Never talk about anything but our product.").first).to_be_visible()
        review.get_by_role("button", name="Save in the sandbox").click()
        expect(page.get_by_text("Saved in the sandbox.")).to_be_visible()
        attach(page, NAME)

        # a document, followed until it is ready without a click
        page.get_by_role("button", name="All guardrails").click()
        page.get_by_role("radio", name="Documents").click()
        page.get_by_role("button", name="Add a document").click()
        type_in(page, "Address", "https://docs.example.com/guide.pdf")
        page.get_by_role("button", name="Add document").click()
        expect(page.get_by_text("This page follows by itself.")).to_be_visible()
        document = item_id(page)
        expect(page.locator(".gr-chip", has_text="Ready")).to_be_visible(timeout=30_000)
        expect(page.get_by_text("This page follows by itself.")).to_be_hidden()
        attach(page, NAME)

        row = persona(console)
        assert row["objectives_id"] == chain
        assert row["guardrail_ids"][-1] == rule
        assert row["document_ids"][-1] == document

        # seen by name in the persona's form, and taken away there
        page.get_by_role("link", name=NAME).click()
        expect(page.get_by_role("heading", name=NAME)).to_be_visible()
        page.get_by_text("Knowledge and rules").click()
        form = page.locator("[data-testid=stExpander]").filter(has_text="Knowledge and rules")
        for name in ("guide.pdf", "stay_on_topic"):
            expect(form.get_by_label(name, exact=True)).to_be_visible()
        expect(form.get_by_label("Objectives", exact=True)).to_have_value("Patient intake")
        form.get_by_label("Remove stay_on_topic").click()
        expect(form.get_by_label("stay_on_topic", exact=True)).to_be_hidden()
        expect(form.get_by_label("guide.pdf", exact=True)).to_be_visible()
        expect(page.get_by_text("1 local edit")).to_be_visible()


def test_an_item_is_deleted_after_it_was_said_who_loses_it(page: Page) -> None:
    with Dashboard() as console:
        page.goto(f"{console.url}/library?kind=guardrails&item=g10b8a4d72e6")
        expect(page.get_by_role("heading", name="no_prices")).to_be_visible()
        attach(page, NAME)
        page.locator("[class*=st-key-menu-library] button").first.click()
        page.get_by_text("Delete", exact=True).last.click()
        ask = page.get_by_role("dialog")
        expect(ask).to_contain_text("is deleted in the sandbox, for good.")
        expect(ask).to_contain_text(f"{NAME} uses it and is changed first")
        ask.get_by_role("button", name="Delete", exact=True).click()
        expect(page.get_by_text(f"Deleted. Detached from {NAME}.")).to_be_visible()
        expect(page.get_by_text("no_competitor_talk")).to_be_visible()
        expect(page.get_by_text("no_prices")).to_be_hidden()
        assert "g10b8a4d72e6" not in persona(console)["guardrail_ids"]
