"""Patterns: state in words, values as themselves, pictures that need no request."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime

import pytest

from lib.models import Mode, Session, Status
from lib.ui.kit import parts
from lib.ui.shell import style

EVIL = '"><img src=x onerror=alert(1)>'


def session(mode: Mode, status: Status) -> Session:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return Session("s-1", "a1", "Demo", "p1", "Guide", "r1", mode, status, now, 600)


def test_every_state_is_a_word_and_an_icon() -> None:
    for word, _, icon in parts.STATES.values():
        assert word[0].isupper()
        assert icon


@pytest.mark.parametrize("status", list(Status))
def test_every_status_of_a_session_has_its_chip(status: Status) -> None:
    assert parts.session_state(session(Mode.PHOENIX_REST, status)) in parts.STATES


def test_an_open_text_session_is_not_called_live() -> None:
    assert parts.session_state(session(Mode.TEXT, Status.LIVE)) == "text"
    assert parts.session_state(session(Mode.TEXT, Status.ENDED)) == "ended"


def test_html_of_values_holds_no_markup_of_theirs() -> None:
    for drawn in (
        parts.lines_html(EVIL, EVIL, warn=EVIL),
        parts.face_html(EVIL, EVIL),
        parts.facts_html([(EVIL, EVIL)]),
    ):
        assert "<img src=x" not in drawn
        assert "&lt;img" in drawn or "&quot;" in drawn


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "data:text/html,x", "ftp://x/y.png", "x.png"])
def test_what_is_no_picture_becomes_a_drawn_letter(url: str) -> None:
    source = parts.face_source(url, "<b>ö")
    assert source.startswith("data:image/svg+xml;base64,")
    assert ">B</text>" in b64decode(source.partition(",")[2]).decode()


@pytest.mark.parametrize(("share", "width"), [(-1, "0%"), (0.374, "37%"), (3, "100%")])
def test_a_bar_stays_within_its_track(share: float, width: str) -> None:
    assert f"width:{width}" in parts.bar_html(share)


@pytest.mark.parametrize("name", ["favicon", "wordmark-light", "wordmark-dark"])
def test_marks_are_in_the_page_and_ask_for_nothing(name: str) -> None:
    drawing = b64decode(style.mark(name).partition(",")[2]).decode()
    assert drawing.startswith("<svg ")
    assert "http" not in drawing.replace("http://www.w3.org/2000/svg", "")
