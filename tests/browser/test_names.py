"""Hostile names in a real browser: shown as themselves by Streamlit's own markdown, and never as markup."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.names.hostile import NAMES
from tests.running import Dashboard

pytestmark = pytest.mark.browser

MARKUP = "a, img, script, code, em, del, sub, sup, table, ul, ol, blockquote, .katex, [class*='icon']"
PLACES = ("[data-testid=stMarkdown]", "h1", "[data-testid=stCaptionContainer]", "button", ".as-html")


def seen(text: str) -> str:
    return " ".join(re.sub("[\u2060\u2068\u2069]", "", text).split())


def test_a_name_is_shown_as_itself_wherever_it_stands(page: Page) -> None:
    with Dashboard(Path(__file__).parent / "names" / "page.py") as dashboard:
        page.goto(dashboard.url)
        page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
        page.locator(f".st-key-name-{len(NAMES) - 1} .as-html").wait_for()
        page.wait_for_timeout(500)  # the parts of its markdown that Streamlit loads only when a text may need them
        for number, name in enumerate(NAMES):
            row = page.locator(f".st-key-name-{number}")
            shown = {place: seen(row.locator(place).first.inner_text()) for place in PLACES}
            once = seen(name)
            assert shown == dict.fromkeys(PLACES, once) | {"[data-testid=stMarkdown]": f"{once} {once}"}
            assert row.locator(MARKUP).count() == 0, name
        assert page.title() != "run"
