"""From nothing to a talking avatar in two clicks, and its record after a restart: the whole path in a real browser."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import Dashboard

pytestmark = pytest.mark.browser

START = re.compile(r"^\s*Start\b")
SAID = "What would you show me first?"


def open_page(browser: Browser, url: str) -> Page:
    context = browser.new_context(permissions=["camera", "microphone"], viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(url)
    return page


def test_two_clicks_to_a_talking_avatar_and_its_record_survives_a_restart(browser: Browser, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Dashboard(data=data) as console:
        page = open_page(browser, console.url)
        start = page.get_by_role("button", name=START).first
        expect(start).to_be_visible(timeout=20_000)
        assert page.locator("input, textarea").count() == 0, "a newcomer has fields to fill before the first start"

        begun = time.monotonic()
        start.click()
        room = page.frame_locator("iframe").first
        join = room.get_by_role("button", name="Join", exact=True)
        expect(join).to_be_visible(timeout=20_000)
        took_s = time.monotonic() - begun
        join.click()

        write = room.get_by_placeholder(re.compile("Write to"))
        expect(write).to_be_visible(timeout=10_000)
        transcript = room.get_by_role("log")
        expect(transcript).to_contain_text(re.compile(r"\w+"), timeout=10_000)
        greeting = transcript.text_content() or ""
        write.fill(SAID)
        write.press("Enter")
        expect(transcript).to_contain_text(SAID, timeout=10_000)
        answer = room.locator(f"li:has-text('{SAID}') + li")
        answer.wait_for(state="attached", timeout=15_000)
        reply = (answer.text_content() or "").strip()
        assert len(reply.split()) > 3, reply
        assert reply != greeting.strip()
        expect(room.locator("#caption")).to_be_visible(timeout=10_000)
        assert greeting

        page.get_by_role("button", name=re.compile("End session")).first.click()
        expect(page.get_by_text("You ended it").first).to_be_visible(timeout=20_000)
        expect(page.get_by_text(SAID).first).to_be_visible(timeout=20_000)
        session = re.search(r"session=(s-[\w-]+)", page.url)
        assert session, page.url
        page.context.close()
        assert console.stop() < 5

    with Dashboard(data=data) as console:
        page = open_page(browser, f"{console.url}/history")
        expect(page.get_by_role("heading", name="History", exact=True)).to_be_visible(timeout=20_000)
        expect(page.get_by_text(re.compile(r"1 of 1 session|1 session")).first).to_be_visible(timeout=10_000)
        page.goto(f"{console.url}/session?session={session[1]}")
        expect(page.get_by_text(SAID).first).to_be_visible(timeout=20_000)
        expect(page.get_by_text("You ended it").first).to_be_visible()
        page.context.close()
    assert took_s < 2.0, f"Start to Join took {took_s:.2f} s"
