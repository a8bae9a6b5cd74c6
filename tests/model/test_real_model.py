"""Text chat with a real language model behind a real OpenAI-compatible server: run by `python dev.py test --all`.

The model is far too small to be held to what it says: streaming, stop, errors and history are looked at, never meaning.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from lib.errors import Ambiguous, NotSent, UpstreamRejected
from lib.models import Session
from lib.wiring import Services
from tests.house import demo, house, until
from tests.model.server import ModelServer
from tests.running import Dashboard
from tests.sandbox_server import RunningSandbox

pytestmark = pytest.mark.skipif(
    not os.environ.get("TEST_WORKER"), reason="text chat with a real model: python dev.py test --all runs it"
)

FREE_WITHIN_S = 3.0
"""An endless answer takes ten seconds and more: a slot that is free sooner was hung up on."""


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as made:
        yield made


@pytest.fixture
def endless() -> Iterator[ModelServer]:
    with ModelServer("--endless") as made:
        yield made


@contextmanager
def chatting(sandbox: RunningSandbox, root: Path, base_url: str) -> Iterator[tuple[Services, Session]]:
    """A text session with the persona Product guide, answered by that endpoint."""
    with house(sandbox.url, root, chat_base_url=base_url, chat_model="smollm2") as services:
        services.catalogue.personas()
        yield services, services.sessions.start(demo(services).id, token="t", enable_avatar=False)


def kept(services: Services, session: Session) -> list[tuple[str, str]]:
    return [(turn.role, turn.content) for turn in services.sessions.turns(session.id)]


def test_an_answer_grows_while_it_is_written_and_is_kept_as_it_was_read(
    sandbox: RunningSandbox, model: ModelServer, tmp_path: Path
) -> None:
    with chatting(sandbox, tmp_path, model.url) as (services, session):
        answer = services.chats.ask(session.id, "What can you show me?")
        seen = [""]
        while not answer.done.wait(0.005):
            if answer.text != seen[-1]:
                seen.append(answer.text)
        assert answer.failure is None and len(seen) > 5, seen
        assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
        assert kept(services, session)[-1] == ("assistant", answer.text.strip())
        assert answer.text.startswith(seen[-1])


def test_the_model_reads_its_part_and_all_that_was_said(
    sandbox: RunningSandbox, model: ModelServer, tmp_path: Path
) -> None:
    with chatting(sandbox, tmp_path, model.url) as (services, session):
        services.chats.say(session.id, "My name is Quillon, and we sell kites.")
        services.chats.say(session.id, "What do we sell?")
        read = model.slot()["prompt"]
        part = services.catalogue.personas().find(session.persona_id)
        assert part is not None and part.system_prompt and part.system_prompt in read
        said = kept(services, session)
        assert [role for role, _ in said] == ["assistant", "user", "assistant", "user", "assistant"]
        places = [read.find(text) for _, text in said[:-1]]
        assert -1 not in places and places == sorted(places), (places, read)


def test_a_stop_keeps_what_came_and_the_server_writes_no_further(
    sandbox: RunningSandbox, endless: ModelServer, tmp_path: Path
) -> None:
    with chatting(sandbox, tmp_path, endless.url) as (services, session):
        answer = services.chats.ask(session.id, "Tell me all")
        until(lambda: len(answer.text) > 40, within_s=20)
        assert endless.slot()["is_processing"]
        services.chats.stop(session.id)
        begun = time.monotonic()
        assert kept(services, session)[-1] == ("assistant", answer.text.strip())
        until(lambda: not endless.slot()["is_processing"], within_s=FREE_WITHIN_S)
        assert time.monotonic() - begun < FREE_WITHIN_S
        written = endless.slot()["next_token"]
        time.sleep(0.3)
        assert endless.slot()["next_token"] == written
        again = services.chats.ask(session.id, "And the rest?")
        until(lambda: again.text, within_s=20)
        services.chats.stop(session.id)


def test_a_server_that_is_killed_in_the_middle_leaves_what_was_read_and_serves_again_once_it_is_back(
    sandbox: RunningSandbox, endless: ModelServer, tmp_path: Path
) -> None:
    with chatting(sandbox, tmp_path, endless.url) as (services, session):
        answer = services.chats.ask(session.id, "Tell me all")
        until(lambda: len(answer.text) > 40, within_s=20)
        endless.kill()
        assert answer.done.wait(5)
        assert isinstance(answer.failure, Ambiguous) and answer.failure.hint
        assert kept(services, session)[-1] == ("assistant", answer.text.strip()) and len(answer.text) > 40
        services.chats.forget(session.id)
        before = kept(services, session)
        with pytest.raises(NotSent, match="can't be reached") as told:
            services.chats.say(session.id, "Are you there?")
        assert "CHAT_BASE_URL" in told.value.hint and kept(services, session) == before
        endless.start()
        back = services.chats.ask(session.id, "Are you there?")
        until(lambda: back.text, within_s=20)
        services.chats.stop(session.id)


def test_an_address_with_another_path_is_refused_and_names_the_setting(
    sandbox: RunningSandbox, model: ModelServer, tmp_path: Path
) -> None:
    with chatting(sandbox, tmp_path, model.url.replace("/v1", "/v2")) as (services, session):
        with pytest.raises(UpstreamRejected, match=r"404.*File Not Found") as told:
            services.chats.say(session.id, "Hello")
        assert "CHAT_BASE_URL" in told.value.hint and kept(services, session) == []


def test_a_server_without_its_model_never_comes_up_and_is_said_to_be_out_of_reach(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with ModelServer() as server:
        url = server.url
    with pytest.raises(AssertionError, match="Failed to init server"):
        ModelServer("--model", str(tmp_path / "missing.gguf"))
    with chatting(sandbox, tmp_path, url) as (services, session):
        with pytest.raises(NotSent, match="the connection is refused") as told:
            services.chats.say(session.id, "Hello")
        assert "Check that the chat endpoint runs" in told.value.hint and kept(services, session) == []


def test_a_chat_that_outgrows_the_model_goes_on_without_its_beginning(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with ModelServer("--context", "768") as small, chatting(sandbox, tmp_path, small.url) as (services, session):
        services.chats.say(session.id, f"The oldest word is quokka. {'Kites and strings. ' * 20}")
        services.chats.say(session.id, "Kites and strings. " * 40)
        services.chats.say(session.id, "Kites and strings. " * 40)
        services.chats.say(session.id, "What now?")
        read = small.slot()["prompt"]
        assert "What now?" in read and "quokka" not in read
        assert len(kept(services, session)) == 9


def test_one_message_that_is_longer_than_the_model_can_read_is_refused_and_says_what_helps(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with ModelServer("--context", "256") as small, chatting(sandbox, tmp_path, small.url) as (services, session):
        with pytest.raises(UpstreamRejected, match=r"exceeds the available context size") as told:
            services.chats.say(session.id, "kite " * 390)
        assert "Write less" in told.value.hint and "--ctx-size" in told.value.hint
        assert kept(services, session) == []


# in the browser


def opened(browser: Browser, console: Dashboard) -> Page:
    """A text session's page."""
    http = requests.Session()
    http.headers["Authorization"] = "Bearer sandbox"
    agent = http.get(f"{console.url}/api/agents", timeout=10).json()["data"][0]["id"]
    body = {"agentId": agent, "enableAvatar": False}
    made = http.post(f"{console.url}/api/sessions", json=body, timeout=10).json()
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{console.url}/live?session={made['sessionId']}")
    expect(page.get_by_role("log")).to_contain_text("I'm Anna", timeout=30_000)
    return page


def write(page: Page, text: str) -> None:
    field = page.get_by_test_id("stChatInputTextArea")
    field.fill(text)
    field.press("Enter")


def test_in_the_browser_words_come_one_by_one_stop_frees_the_server_and_its_death_is_told(
    browser: Browser, endless: ModelServer
) -> None:
    with Dashboard(env={"CHAT_BASE_URL": endless.url, "CHAT_MODEL": "smollm2"}) as console:
        page = opened(browser, console)
        expect(page.get_by_text(re.compile("Stand-in model, not the Tavus pipeline. It is smollm2"))).to_be_visible()
        last = page.get_by_role("log").locator(".gr-say").last
        write(page, "Tell me all")
        expect(page.get_by_role("log")).to_contain_text("Tell me all", timeout=10_000)
        stop = page.get_by_role("button", name="Stop", exact=True)
        expect(stop).to_be_visible(timeout=10_000)
        expect(last).to_have_text(re.compile(r"(\w+\W+){8}"), timeout=20_000)
        length = len(last.inner_text())
        until(lambda: len(last.inner_text()) > length + 20, within_s=10)
        stop.click()
        until(lambda: not endless.slot()["is_processing"], within_s=FREE_WITHIN_S)
        expect(stop).to_have_count(0, timeout=5_000)

        write(page, "And the rest?")
        expect(page.get_by_role("log")).to_contain_text("And the rest?", timeout=10_000)
        expect(last).to_have_text(re.compile(r"(\w+\W+){8}"), timeout=20_000)
        endless.kill()
        expect(page.get_by_text(re.compile("broke off|was lost")).first).to_be_visible(timeout=10_000)
        expect(last).to_have_text(re.compile(r"(\w+\W+){8}"))

        write(page, "Are you there?")
        expect(page.get_by_text(re.compile("can't be reached")).first).to_be_visible(timeout=10_000)
        expect(page.get_by_test_id("stChatInputTextArea")).to_have_value("Are you there?")
        endless.start()
        page.get_by_test_id("stChatInputTextArea").press("Enter")
        expect(stop).to_be_visible(timeout=10_000)
        expect(last).to_have_text(re.compile(r"(\w+\W+){3}"), timeout=20_000)
        stop.click()
        expect(stop).to_have_count(0, timeout=5_000)
        page.close()
