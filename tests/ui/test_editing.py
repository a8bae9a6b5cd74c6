"""The one editor: what is read and when, what was typed stays, a dialog's question is done once."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lib.ui.kit.text import series


def page(steps: list[tuple], log: list) -> None:  # type: ignore[type-arg]  # run from its source: knows no Any
    import streamlit as st

    from lib.errors import GreenroomError, UpstreamError
    from lib.ui.kit.editing import Draft, Editor

    def edits(draft: Draft) -> list[str]:
        held = st.session_state.get(draft["prefix"] + "name", draft["raw"]["name"])
        return ["Name"] if held != draft["raw"]["name"] else []

    def read() -> dict[str, str]:
        log.append("read")
        return {"name": "Anna"}

    def refused() -> dict[str, str]:
        log.append("refused")
        raise UpstreamError("Tavus is away.")

    editor = Editor("things", edits)
    for act, detail in steps:
        match act:
            case "visit":
                st.session_state["context_opened"] = detail
            case "open":
                editor.opened("one", read, **detail)
            case "refuse":
                try:
                    editor.opened("one", refused)
                except GreenroomError as error:
                    log.append(error.message)
            case "type":
                draft = editor.get("one")
                assert draft is not None
                st.session_state[draft["prefix"] + "name"] = detail
            case "edited":
                log.append(sorted(editor.all_edited()))
            case "begin":
                editor.begin("one", {"name": "Anna"}, detail)
            case "drop":
                editor.drop("one")
            case "try":
                draft = editor.get("one")
                assert draft is not None
                log.append(editor.attempted(draft, now=detail))
            case "ask":
                editor.ask(*detail)
            case "asked":
                log.append(editor.asked(detail))


def run(*steps: tuple[str, Any]) -> list[Any]:
    log: list[Any] = []
    app = AppTest.from_function(page, args=(list(steps), log)).run()
    assert not app.exception
    return log


def test_an_item_is_read_when_its_page_is_opened_and_not_on_a_rerun() -> None:
    assert run(("open", {}), ("open", {}), ("visit", True), ("open", {})) == ["read", "read"]


@pytest.mark.parametrize("how", [{}, {"older": True}, {"unknown": True}])
def test_what_was_typed_outlives_whatever_is_read_again(how: dict[str, bool]) -> None:
    opened: tuple[str, dict[str, bool]] = ("open", {})
    again = ("open", how)
    log = run(opened, ("type", "Berta"), ("visit", True), again, ("edited", None))
    assert log[-1] == ["one"]
    assert ("read" in log[1:]) is ("unknown" in how)


def test_without_edits_a_row_that_is_another_one_by_now_is_read_anew() -> None:
    assert run(("open", {}), ("open", {"older": True}), ("open", {"older": False})) == ["read", "read"]


def test_a_failure_is_kept_until_the_page_is_opened_anew() -> None:
    told = ["refused", "Tavus is away."]
    assert run(("refuse", None), ("refuse", None)) == [*told, told[1]]
    assert run(("refuse", None), ("visit", True), ("refuse", None)) == told * 2
    assert run(("refuse", None), ("visit", True), ("open", {}), ("visit", False), ("open", {})) == [*told, "read"]


def test_a_form_that_begins_anew_holds_what_it_is_given_and_was_not_tried_yet() -> None:
    log = run(("open", {}), ("type", "Berta"), ("try", True), ("try", False), ("begin", {"name": "Cleo"}),
              ("try", False), ("edited", None), ("begin", None), ("edited", None))  # fmt: skip
    assert log == ["read", True, True, False, ["one"], []]


def test_a_draft_that_was_dropped_leaves_nothing_to_the_next_one() -> None:
    assert run(("open", {}), ("type", "Berta"), ("drop", None), ("open", {}), ("edited", None)) == ["read", "read", []]


def test_what_a_dialog_asks_is_taken_once_and_by_its_own_item() -> None:
    log = run(("ask", ("delete", "one", 7)), ("asked", "two"), ("asked", "one"), ("asked", ""))
    assert log == [None, ("delete", "one", 7), None]


def test_a_long_series_says_how_many_more() -> None:
    assert [series(list("abc")[:n], 2) for n in range(4)] == ["", "a", "a, b", "a, b and 1 more"]
    assert [series(list("abc")[:n], 3, last=" and ") for n in range(4)] == ["", "a", "a and b", "a, b and c"]
