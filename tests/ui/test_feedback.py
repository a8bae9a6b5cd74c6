"""Failures on a page: a known one is explained, a bug is logged and kept from the page."""

from __future__ import annotations

import logging

import pytest
from streamlit.testing.v1 import AppTest

from lib.errors import (
    BadInput,
    GreenroomError,
    KeyRefused,
    LimitReached,
    NotSent,
    OutOfCredit,
    StoreRefused,
    UpstreamRejected,
)
from lib.ui.kit import feedback


def page(kind: str, name: str) -> None:
    import streamlit as st

    from lib import errors
    from lib.ui.kit import feedback

    manager = feedback.required if kind == "required" else feedback.section
    with manager("read *the* list"):
        if name == "bug":
            raise ZeroDivisionError("secret detail")
        if name:
            raise getattr(errors, name)("Tavus said [no](javascript:x)")
        st.write("the list")
    st.write("the rest")


def run(kind: str, name: str) -> tuple[AppTest, str]:
    app = AppTest.from_function(page, args=(kind, name)).run()
    assert not app.exception
    return app, "\n".join(element.value for element in app.markdown)


def test_without_a_failure_nothing_is_added() -> None:
    app, said = run("required", "")
    assert said == "the list\nthe rest"
    assert not app.button


def test_required_explains_and_stops_the_page() -> None:
    app, said = run("required", "KeyRefused")
    assert "Tavus said \\[no\\]\\(javascript\\:x\\)\\." in said
    assert "TAVUS\\_API\\_KEY" in said
    assert "still work" in said
    assert "the rest" not in said
    assert [button.label for button in app.button] == ["Retry", "Open Diagnostics"]


def test_section_explains_and_the_page_goes_on() -> None:
    _, said = run("section", "NotSent")
    assert "Tavus said" in said
    assert said.endswith("the rest")


def test_a_bug_is_logged_with_its_traceback_and_its_words_stay_off_the_page(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "greenroom.ui"):
        _, said = run("section", "bug")
    assert "secret detail" not in said
    assert "something is wrong in Greenroom itself" in said.replace("\\", "")
    assert said.endswith("the rest")
    assert [record.name for record in caplog.records] == ["greenroom.ui"]
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize(
    ("error", "works"),
    [
        (KeyRefused("x"), "Text chat"),
        (NotSent("x"), "Text chat"),
        (StoreRefused("x"), "Nothing was written."),
        (BadInput("x"), ""),
        (LimitReached("x"), ""),
    ],
)
def test_what_still_works_is_said_where_something_does(error: GreenroomError, works: str) -> None:
    said = feedback.still_works(error)
    assert said.startswith(works) if works else said == ""


@pytest.mark.parametrize(
    ("message", "read"), [("all are open", "All are open."), ("Is it so?", "Is it so?"), ("", ""), ("x.", "X.")]
)
def test_a_message_reads_as_a_sentence(message: str, read: str) -> None:
    assert feedback.sentence(message) == read


def test_what_a_page_says_itself_is_apart_from_what_to_do() -> None:
    refused, empty = UpstreamRejected("x"), OutOfCredit("x")
    assert (refused.advice, refused.besides) == ("Correct what the message names and try again.", "Nothing was done.")
    assert refused.hint == "Correct what the message names and try again. Nothing was done."
    assert empty.advice == "Top up the Tavus account or wait for the next period."
    own = UpstreamRejected("x", hint="Start again.")
    assert (own.hint, own.advice, own.besides) == ("Start again.", "Start again.", "")
    assert UpstreamRejected("x", hint="Look.", besides="Nothing is lost.").hint == "Look. Nothing is lost."
