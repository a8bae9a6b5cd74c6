"""A walk through History in a real browser: by its address, by words, into a record, out again with a file."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Download, Page, expect

from lib.models import Status, Turn
from lib.store import sessions as rows
from lib.store.database import Store
from tests.running import Dashboard
from tests.store.seeding import keep, session

pytestmark = pytest.mark.browser

SESSIONS, SEARCH = 60, "[data-testid=stTextInputField]"
STRANGE = "<img src=x onerror=document.title='hit'> :red[x]"


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A console with 60 ended sessions, an hour apart; every tenth one is about invoices."""
    data = tmp_path_factory.mktemp("walk")
    store = Store(f"sqlite:///{(data / 'greenroom.db').as_posix()}", root=data)
    store.open()
    now = datetime.now(UTC)
    for n in range(SESSIONS):
        at = now - timedelta(hours=n + 1)
        name = STRANGE if n == 10 else "Coach"
        said = [Turn(0, "assistant", "Welcome."), Turn(1, "user", "An invoice, please" if n % 10 == 0 else "A demo")]
        keep(store, session(f"s-{n}", agent_name=name, created_at=at), said, account="sandbox")
        with store.writing() as connection:
            rows.advance(
                connection, f"s-{n}", status=Status.ENDED, waiting_at=at, ended_at=at + timedelta(minutes=3),
                end_code="participant_left_timeout", end_reason="Everyone left", transcript_at=at,
            )  # fmt: skip
    store.close()
    with Dashboard(data=data) as running:
        yield running


@pytest.fixture(params=["light", "dark"])
def page(dashboard: Dashboard, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=request.param)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    assert wrong == []
    assert opened.title() != "hit"
    context.close()


def test_from_an_address_over_a_search_into_a_record_and_out_with_a_file(page: Page, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}/history?range=All")
    page.get_by_text(f"25 of {SESSIONS} sessions").wait_for()
    page.get_by_text("60 sessions by how they ended").wait_for()
    page.get_by_role("button", name="Older").click()
    page.wait_for_url(re.compile(r"older=\d+~s-24"))
    settled(page)
    page.reload()
    page.get_by_text(f"25 of {SESSIONS} sessions").wait_for()
    settled(page)

    page.locator(SEARCH).fill('"an invoice"')
    page.keyboard.press("Enter")
    page.get_by_text("6 sessions, ").wait_for()
    assert "older=" not in page.url
    assert "search=%22an+invoice%22" in page.url or "search=%22an%20invoice%22" in page.url
    settled(page)

    page.get_by_role("button", name="Export").click()
    names = {row["id"] for row in csv.DictReader(downloaded(page, "The list, for a sheet").splitlines())}
    assert names == {f"s-{n}" for n in range(0, SESSIONS, 10)}
    records = json.loads(downloaded(page, "Records, for a program"))
    assert [one["session"]["id"] for one in records["sessions"]] == [f"s-{n}" for n in range(0, SESSIONS, 10)]
    page.keyboard.press("Escape")

    page.get_by_role("combobox", name="Open a record").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("option", name=re.compile("img src")).click()
    page.wait_for_url(re.compile(r"/session\?session=s-10"))
    expect(page.get_by_role("heading", name=STRANGE)).to_be_visible()
    page.get_by_text("An invoice, please").wait_for()
    assert page.locator(".gr-tr mark").all_inner_texts() == ["An", "invoice"]
    page.go_back()
    page.get_by_text("6 sessions, ").wait_for()
    page.go_forward()
    page.get_by_text("An invoice, please").wait_for()
    page.locator("[data-testid=stMain]").get_by_role("link", name="History").click()
    page.get_by_text("6 sessions, ").wait_for()


def test_a_record_leads_to_its_requests_without_the_word_of_the_search_and_one_back_leads_home(
    page: Page, dashboard: Dashboard
) -> None:
    page.goto(f"{dashboard.url}/history?range=All&search=invoice")
    page.get_by_text("6 sessions, ").wait_for()
    settled(page)
    page.get_by_role("combobox", name="Open a record").click()
    page.get_by_role("option", name=re.compile("img src")).click()
    page.wait_for_url(re.compile(r"/session\?session=s-10"))
    page.get_by_role("link", name="Requests and callbacks of this session").click()
    page.get_by_text("Only of one session").wait_for()
    settled(page)
    expect(page.locator(SEARCH)).to_have_value("")
    assert page.url.endswith("/inspector?of=s-10")
    page.go_back()
    page.get_by_text("An invoice, please").wait_for()
    page.get_by_role("link", name="Inspector").first.click()
    page.get_by_role("heading", name="Inspector").wait_for()
    settled(page)
    expect(page.locator(SEARCH)).to_have_value("")
    page.get_by_role("link", name="History").first.click()
    page.get_by_role("heading", name="History").wait_for()
    settled(page)
    expect(page.locator(SEARCH)).to_have_value("")
    assert page.url.endswith("/history")


def test_whoever_comes_into_the_table_with_the_keyboard_is_told_what_opens_a_record(
    page: Page, dashboard: Dashboard
) -> None:
    page.goto(f"{dashboard.url}/history?range=All")
    told = page.get_by_text("With the keyboard, use Open a record by name below.")
    told.wait_for(state="attached")
    settled(page)
    height = "document.querySelector('.gr-keys').closest('[data-testid=stElementContainer]').offsetHeight"
    assert page.evaluate(height) == 1
    page.locator("[data-testid=stDataFrame] canvas").first.focus()
    page.wait_for_function(f"{height} > 10")


def test_show_all_takes_every_filter_away(page: Page, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}/history?range=All&search=nobody+said+this&state=Failed&mode=Text+chats")
    page.get_by_text("Nothing fits").wait_for()
    page.get_by_role("button", name="Show all").click()
    page.get_by_text(f"25 of {SESSIONS} sessions").wait_for()
    assert "search" not in page.url


def test_a_record_is_deleted_after_one_question_and_its_list_is_shown_again(
    dashboard: Dashboard, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{dashboard.url}/history?range=All&search=demo")
    page.get_by_text(f"25 of {SESSIONS - 6} sessions").wait_for()
    settled(page)
    page.get_by_role("combobox", name="Open a record").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/session"))
    page.get_by_role("button", name="Delete").click()
    asked = page.get_by_role("dialog")
    expect(asked).to_contain_text("Lost for ever: 2 entries of transcript and chat")
    asked.get_by_role("button", name="Keep it").click()
    asked.wait_for(state="hidden")
    page.get_by_role("button", name="Delete").click()
    asked.get_by_role("button", name="Delete record").click()
    page.get_by_text(f"25 of {SESSIONS - 7} sessions").wait_for()
    page.get_by_text("Record deleted.").wait_for()
    assert "search=demo" in page.url
    context.close()


def test_on_a_phone_the_list_comes_first_and_nothing_moves_sideways(dashboard: Dashboard, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{dashboard.url}/history?range=All")
    page.get_by_text("25 of ").wait_for()
    settled(page)
    table, chart = page.locator("[data-testid=stDataFrame]"), page.locator(".gr-charts")
    above, below = table.bounding_box(), chart.bounding_box()
    assert above is not None and below is not None
    assert above["y"] < below["y"]
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("box => box.scrollWidth <= box.clientWidth")
    context.close()


def settled(page: Page) -> None:
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


def downloaded(page: Page, button: str) -> str:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    download: Download = waiting.value
    return Path(download.path()).read_text(encoding="utf-8")
