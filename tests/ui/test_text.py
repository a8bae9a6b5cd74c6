"""Values as text: escaped for where they go, and times in words."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.ui.kit.text import ago, clock, day, gist, html, md, plain, span, stamp

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
INVISIBLE = re.compile("[\u2060\u2068\u2069]")


def read(markdown: str) -> str:
    """What a reader sees of escaped markdown."""
    return INVISIBLE.sub("", re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown))


@given(st.text())
def test_every_sign_that_markdown_may_act_on_is_escaped(value: str) -> None:
    escaped = md(value)
    assert read(escaped) == INVISIBLE.sub("", plain(value))
    bare = re.sub(r"\\.", "", escaped, flags=re.S)
    assert not set(bare) & set(string.punctuation)
    assert "\n" not in escaped


@given(st.text())
def test_html_leaves_no_tag_and_no_quote(value: str) -> None:
    assert not set(html(value)) & set("<>\"'")


@pytest.mark.parametrize(
    "value",
    [":smile:", ":material_home:", "a -> b", "--", "see https://example.org", "www.example.org", "me@example.org"],
)
def test_what_streamlit_replaces_after_parsing_is_broken_up_invisibly(value: str) -> None:
    assert "\u2060" in md(value)
    assert read(md(value)) == value


def test_right_to_left_text_is_isolated_and_other_text_is_not() -> None:
    assert md("שלום") == "\u2068שלום\u2069"
    assert md("Grüße 😀") == "Grüße 😀"


def test_control_characters_and_line_breaks_do_not_reach_a_label() -> None:
    assert md("a\x00b\n c\t d ") == "ab c d"


def test_a_long_value_is_cut_with_an_ellipsis() -> None:
    assert md("x" * 10_000, 20) == "x" * 19 + "…"


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "–"), (0, "00:00"), (222.9, "03:42"), (3700, "1:01:40"), (-5, "00:00")]
)
def test_clock(seconds: float | None, words: str) -> None:
    assert clock(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(600, "10 min"), (90, "90 s"), (30, "30 s"), (5400, "90 min")])
def test_span(seconds: float, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=12, seconds=30), "12 min ago"),
        (timedelta(hours=2), "2 h ago"),
        (timedelta(hours=30), "yesterday"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=9), "last week"),
        (timedelta(days=40), "13 Oct 2026"),
    ],
)
def test_ago(before: timedelta, words: str) -> None:
    assert ago(NOW - before, NOW) == words


def test_what_was_never_used_says_so() -> None:
    assert ago(None) == "not used yet"


def test_a_moment_in_words() -> None:
    assert stamp(NOW) == "Sun 22 Nov, 12:00"
    assert day(NOW) == "22 Nov 2026"


@pytest.mark.parametrize(
    ("prompt", "limit", "read"),
    [
        ("# Role\n- You are Anna.\n- You sell tea. Slowly.", 200, "Role You are Anna. You sell tea. Slowly."),
        ("1. First point.\n2) Second one is long", 16, "First point."),
        ("# Role\n\nYou are Anna. You sell tea.\n\n## Goals\n- Learn.", 200, "You are Anna. You sell tea."),
        ("x" * 50, 10, "x" * 9 + "…"),
        ("", 10, ""),
        ("A 5-day plan - with a dash.", 100, "A 5-day plan - with a dash."),
    ],
)
def test_the_gist_of_a_prompt(prompt: str, limit: int, read: str) -> None:
    assert gist(prompt, limit) == read
