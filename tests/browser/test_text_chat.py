"""Text chat in a real browser: the greeting, an answer as it comes, a stop, a refusal that keeps what was typed."""

from __future__ import annotations

import json
import re
import socket
import threading

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.running import Dashboard
from tests.scripted_server import Scripted, Step, answer, scripted

pytestmark = pytest.mark.browser

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def console_with(endpoint: Scripted) -> Dashboard:
    return Dashboard(env={"CHAT_BASE_URL": endpoint.url, "CHAT_MODEL": "m"})


def piece(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": None}]}).encode() + b"\n\n"


def told_in_two(go_on: threading.Event, begins: str = "First half, ") -> Step:
    """Half an answer, and the rest once the test has seen the first half."""

    def step(peer: socket.socket) -> None:
        peer.sendall(HEAD + piece(begins))
        go_on.wait(10)
        peer.sendall(piece("second half.") + b"data: [DONE]\n\n")
        peer.shutdown(socket.SHUT_RDWR)

    return step


def open_chat(page: Page, url: str) -> None:
    http = requests.Session()
    http.headers["Authorization"] = "Bearer sandbox"
    agent = http.get(f"{url}/api/agents", timeout=10).json()["data"][0]["id"]
    http.get(f"{url}/api/personas", timeout=10)
    made = http.post(f"{url}/api/sessions", json={"agentId": agent, "enableAvatar": False}, timeout=10).json()
    page.goto(f"{url}/live?session={made['sessionId']}")


def write(page: Page, text: str) -> None:
    field = page.get_by_test_id("stChatInputTextArea")
    field.fill(text)
    field.press("Enter")


def test_an_answer_is_read_while_it_comes_and_can_be_stopped(page: Page) -> None:
    go_on, never = threading.Event(), threading.Event()
    with scripted(told_in_two(go_on), told_in_two(never, "Once more, ")) as endpoint, console_with(endpoint) as console:
        open_chat(page, console.url)
        log = page.get_by_role("log")
        expect(log).to_contain_text("I'm Anna", timeout=20_000)
        write(page, "Tell me")
        expect(log).to_contain_text("First half,", timeout=10_000)
        expect(log).not_to_contain_text("second half.")
        go_on.set()
        expect(log).to_contain_text("First half, second half.", timeout=10_000)

        write(page, "And again")
        expect(log.locator(".gr-say").last).to_contain_text("Once more,", timeout=10_000)
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_test_id("stChatInputTextArea")).to_be_enabled(timeout=3_000)
        never.set()
        page.reload()
        expect(page.get_by_role("log").locator(".gr-say").last).to_have_text(re.compile("Once more,$"), timeout=20_000)


def test_a_refused_answer_is_said_in_place_and_what_was_typed_is_still_there(page: Page) -> None:
    with scripted(answer(401, {"error": "no"})) as endpoint, console_with(endpoint) as console:
        open_chat(page, console.url)
        expect(page.get_by_role("log")).to_contain_text("I'm Anna", timeout=20_000)
        write(page, "Are you there?")
        expect(page.get_by_text("CHAT_API_KEY").first).to_be_visible(timeout=10_000)
        expect(page.get_by_test_id("stChatInputTextArea")).to_have_value("Are you there?")
