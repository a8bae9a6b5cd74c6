"""Personas and agents are prepared by hand: what goes through menus and dialogs, in a real browser."""

from __future__ import annotations

import re

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.running import Dashboard

pytestmark = pytest.mark.browser

STRANGE = '<img src=x onerror="document.title=1"> :red[x] *y*'


def choose(page: Page, menu: str, item: str) -> None:
    page.locator(f"[class*=st-key-{menu}] button").first.click()
    page.get_by_text(item, exact=True).last.click()


def test_a_persona_is_copied_reviewed_saved_put_on_an_agent_and_deleted(page: Page) -> None:
    with Dashboard() as console:
        page.goto(f"{console.url}/personas")
        page.get_by_role("button", name="Copy", exact=False).first.click()
        name = page.get_by_role("textbox", name="Name", exact=True)
        expect(name).to_have_value("Sales Coach copy")
        page.get_by_role("button", name="Change", exact=True).click()
        replicas = page.get_by_role("dialog")
        replicas.get_by_role("button", name="Choose", exact=True).nth(2).click()
        expect(replicas).to_be_hidden()
        expect(page.get_by_text("Lucas", exact=True)).to_be_visible()
        page.get_by_role("button", name="Create persona").click()
        expect(page.get_by_role("heading", name="Sales Coach copy")).to_be_visible()
        made = re.search(r"persona=(\w+)", page.url)
        assert made is not None

        name.fill(STRANGE)
        name.blur()
        page.get_by_role("radio", name="High").first.click()
        expect(page.get_by_text("2 local edits")).to_be_visible()
        page.get_by_role("button", name="Review and save").click()
        review = page.get_by_role("dialog")
        expect(review.get_by_text(STRANGE).first).to_be_visible()
        review.get_by_role("button", name="Save in the sandbox").click()
        expect(page.get_by_text("Saved in the sandbox: 2 fields.")).to_be_visible()
        expect(page.get_by_role("heading", name=STRANGE)).to_be_visible()
        row = requests.get(
            f"{console.url}/api/personas/{made[1]}", headers={"Authorization": "Bearer sandbox"}, timeout=10
        ).json()
        assert row["persona_name"] == STRANGE
        assert row["default_replica_id"] == "r874cc5f8a3b"

        page.get_by_role("button", name="All personas").click()
        card = page.locator(f".st-key-card-persona-{made[1]}")
        card.get_by_role("button", name="Make agent").click()
        page.get_by_role("textbox", name="Name", exact=True).fill("Hard questions")
        page.get_by_role("textbox", name="Name", exact=True).blur()
        page.get_by_role("button", name="Make agent").click()
        expect(page.get_by_role("button", name="Start, up to 10 min")).to_be_visible()

        page.get_by_role("link", name="Personas").click()
        choose(page, f"menu-persona-card-{made[1]}", "Delete")
        ask = page.get_by_role("dialog")
        expect(ask).to_contain_text("is deleted in the sandbox. Past sessions and its history stay here")
        expect(ask).to_contain_text("Hard questions uses it and can’t start")
        ask.get_by_role("button", name="Delete persona").click()
        expect(page.get_by_text("Persona deleted.")).to_be_visible()
        expect(card).to_be_hidden()

        page.get_by_role("link", name="Agents").click()
        expect(page.get_by_text(f"Its persona {STRANGE} was deleted")).to_be_visible()
        page.get_by_role("button", name="Fix").click()
        expect(page.get_by_text("Not among the account’s personas any more")).to_be_visible()
        choose(page, "menu-agent", "Delete")
        page.get_by_role("dialog").get_by_role("button", name="Delete agent").click()
        expect(page.get_by_text("Agent deleted.")).to_be_visible()
        expect(page.get_by_role("dialog")).to_be_hidden()
        deleted = page.locator("[class*=st-key-card-agent-]", has_text="Hard questions")
        expect(deleted).to_be_hidden()
        page.get_by_role("button", name="Undo").click()
        expect(deleted).to_be_visible()
        expect(page.get_by_text("Agent deleted.")).to_be_hidden()
        assert page.title() != "1"


def test_two_agents_are_compared_by_menu_choice_and_address(page: Page) -> None:
    with Dashboard() as console:
        page.goto(f"{console.url}/agents")
        choose(page, "menu-agent-", "Compare")
        expect(page.get_by_role("heading", name="Compare two agents")).to_be_visible()
        row = page.get_by_role("row").filter(has_text="Persona").first
        expect(row).to_contain_text("Warm product guide")
        expect(row).to_contain_text("Sceptical buyer")
        expect(row).to_contain_text("Differs")
        expect(page.get_by_role("row").filter(has_text="Recording storage")).to_contain_text("Same")
        address = page.url
        assert re.search(r"/agents\?compare=a\w+%2Ca\w+$", address)

        page.get_by_text("Only what differs").click()
        expect(page.get_by_role("row").filter(has_text="Same")).to_have_count(0)
        page.get_by_role("button", name="Edit").last.click()
        expect(page.get_by_role("heading", name="Discovery coach")).to_be_visible()
        page.get_by_text("Captions", exact=True).click()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        page.goto(address)
        expect(page.get_by_role("row").filter(has_text="Captions")).to_contain_text("Differs")


def test_agents_are_found_filtered_and_opened_from_the_table(page: Page) -> None:
    headers = {"Authorization": "Bearer sandbox"}
    with Dashboard() as console:
        for number in range(60):
            body = {"name": f"Demo {number:02}", "avatar": {"tavusPersonaId": "p2b8e10c94d6"}}
            requests.post(f"{console.url}/api/agents", json=body, headers=headers, timeout=10)
        page.goto(f"{console.url}/agents?view=table")
        expect(page.get_by_text("62 agents")).to_be_visible()
        page.get_by_placeholder("Search by name, persona, replica").fill("sceptical")
        page.get_by_role("button", name="Filters").click()
        page.get_by_role("combobox", name="Replica").click()
        page.get_by_role("option", name="Lucas").click()
        expect(page.get_by_role("button", name="Filters 1")).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_placeholder("Search by name, persona, replica").fill("")
        page.get_by_role("radio", name="Cards").click()
        expect(page.locator("[class*=st-key-card-agent-]")).to_have_count(1)
        page.get_by_role("button", name="Edit").click()
        expect(page.get_by_role("heading", name="Discovery coach")).to_be_visible()
        page.get_by_role("button", name="All agents").click()
        expect(page.locator("[class*=st-key-card-agent-]")).to_have_count(1)


def test_the_menu_leads_back_to_the_list_of_the_page_that_is_open(page: Page) -> None:
    with Dashboard() as console:
        for path, entry, heading in (
            ("personas?persona=p2b8e10c94d6", "Personas", "Personas"),
            ("agents?agent=new", "Agents", "Agents"),
            ("library?kind=guardrails&item=new", "Knowledge & rules", "Knowledge & rules"),
        ):
            page.goto(f"{console.url}/{path}")
            link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=entry)
            expect(page.get_by_role("heading", level=1)).not_to_have_text(heading)
            link.click()
            expect(page.get_by_role("heading", name=heading, exact=True, level=1)).to_be_visible()
            assert "?" not in page.url or "kind=" in page.url, page.url


@pytest.mark.parametrize("width", [1440, 390])
def test_the_button_that_saves_stays_in_sight_at_the_end_of_a_long_form(width: int, page: Page) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    with Dashboard() as console:
        page.goto(f"{console.url}/personas?persona=p2b8e10c94d6")
        greeting = page.get_by_role("textbox", name="Greeting")
        greeting.fill("Good morning.")
        greeting.press("Tab")
        save = page.get_by_role("button", name="Review and save")
        expect(save).to_be_enabled()
        greeting.evaluate("one => one.scrollIntoView({block: 'start'})")
        expect(page.get_by_role("textbox", name="System prompt")).not_to_be_in_viewport()
        expect(save).to_be_in_viewport(ratio=1)
        save.click()
        expect(page.get_by_text("Save these changes?")).to_be_visible()
