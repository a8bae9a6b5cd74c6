"""What differs between two personas as a person reads it: every change, no secret, texts word by word and quickly."""

from __future__ import annotations

import itertools
import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.services.personas import sequences
from lib.services.personas.content import content_of
from lib.services.personas.diff import Piece, changes, compare, words
from lib.services.personas.patch import patch
from tests.services.personas.rows import PROPERTY, pairs

CANARY = "tvsk_CANARY0123456789"
Row = dict[str, Any]


@PROPERTY
@given(pairs())
def test_two_rows_have_changes_exactly_where_their_content_differs(rows: tuple[Row, Row]) -> None:
    before, after = rows
    found = changes(before, after)
    told = compare(content_of(before), content_of(after))
    assert bool(told) == (content_of(before).hash != content_of(after).hash)
    assert {change.path for change in told} <= {change.path for change in found}
    assert found == () or patch(before, after)
    for secret in ("key-one", "key-two", "header-value", "tool-secret"):
        assert secret not in repr(found)


def test_a_secret_is_set_not_set_or_replaced_and_never_shown() -> None:
    row = {"layers": {"llm": {"api_key": CANARY, "tools": [{"name": "t", "headers": {"x": CANARY}}]}, "sts": {}}}
    after = {
        "layers": {
            "llm": {"api_key": CANARY + "2", "tools": [{"name": "t"}]},
            "sts": {"password": CANARY},
            "tts": {"api_key": CANARY},
        }
    }
    found = changes(row, after)
    assert [(change.label, change.was, change.now) for change in found] == [
        ("Language model, key of the own endpoint", "set", "replaced"),
        ("Voice, key of the voice engine", "not set", "set"),
        ("Language model, tools in the persona: 0.headers", "set", "not set"),
        ("More, speech to speech: password", "not set", "set"),
    ]
    assert all(change.secret for change in found)
    assert CANARY not in repr(found)
    assert [change.now for change in compare(content_of(row), content_of(after))] == ["set", "not set", "set"]


def test_an_address_becomes_secret_when_it_has_a_password() -> None:
    before = {"layers": {"llm": {"base_url": "https://example.com/v1"}}}
    after = {"layers": {"llm": {"base_url": f"https://me:{CANARY}@example.com/v1"}}}
    (change,) = changes(before, after)
    assert (change.key, change.was, change.now) == ("layers.llm.base_url", "https://example.com/v1", "set")


def test_a_field_under_a_name_that_tavus_gave_up_is_the_same_field() -> None:
    old = {"layers": {"perception": {"ambient_awareness_queries": ["Is it dark?"]}}}
    new = {"layers": {"perception": {"visual_awareness_queries": ["Is it dark?"]}}}
    (change,) = changes(old, new)
    assert (change.key, change.was, change.now) == (
        "layers.perception.visual_awareness_queries",
        "under the older name ambient_awareness_queries",
        "the same, under visual_awareness_queries",
    )
    (change,) = changes(old, {"layers": {"perception": {"visual_awareness_queries": ["Is it light?"]}}})
    assert (change.was, change.now) == ("Is it dark?", "Is it light?")


def test_words_are_shown_whole_with_what_stands_around_them() -> None:
    assert words("You are a warm guide.", "You are a patient guide.") == (
        Piece("same", "You are a "), Piece("gone", "warm "), Piece("new", "patient "), Piece("same", "guide."),
    )  # fmt: skip
    assert words("", "Hello") == (Piece("new", "Hello"),)
    assert words("Take your time.", "Take your time. Never give a discount.") == (
        Piece("same", "Take your time."),
        Piece("new", " Never give a discount."),
    )
    assert words("In time.\nBye", "In time, always.\nBye") == (
        Piece("same", "In time"),
        Piece("gone", "."),
        Piece("new", ", always."),
        Piece("same", "\nBye"),
    )
    # Never inside a word, a number or a sign that stands on several characters.
    for was, now in (("3", "3.5"), ("caf", "cafe\u0301"), ("e", "e\u0301"), ("👍", "👍🏽"), ("a", "ab")):
        assert words(was, now) == (Piece("gone", was), Piece("new", now))
    assert words("Hello", "") == (Piece("gone", "Hello"),)
    assert words("Same", "Same") == (Piece("same", "Same"),)
    assert words("", "") == ()


def test_a_few_equal_words_between_two_changes_are_no_confetti() -> None:
    was = "Greet them kindly and ask about a holiday to remember."
    now = "Never interrupt and listen to a story of regret."
    assert [piece.kind for piece in words(was, now)] == ["gone", "new"]
    kept = words(
        "Be kind. Ask one question at a time and wait. End.", "Be fair. Ask one question at a time and wait. Go."
    )
    assert [piece.kind for piece in kept] == ["same", "gone", "new", "same", "gone", "new"]


def test_a_script_without_spaces_is_compared_sign_by_sign() -> None:
    assert words("あなたは親切なガイドです。", "あなたは静かなガイドです。") == (
        Piece("same", "あなたは"), Piece("gone", "親切"), Piece("new", "静か"), Piece("same", "なガイドです。"),
    )  # fmt: skip


TEXTS = st.text(st.sampled_from("ab. \n\t親é🦊\u200f"), max_size=60) | st.text(max_size=30)


@PROPERTY
@given(TEXTS, TEXTS)
def test_the_pieces_joined_are_both_texts_exactly(was: str, now: str) -> None:
    pieces = words(was, now)
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == was
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == now
    assert all(piece.text for piece in pieces)
    assert not [one for one, two in itertools.pairwise(pieces) if one.kind == two.kind]


@PROPERTY
@given(TEXTS, TEXTS)
def test_texts_that_are_too_long_are_compared_by_sentences_and_still_join(was: str, now: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sequences, "MOST_PAIRS", 6)
        patched.setattr("lib.services.personas.diff.MOST_PAIRS", 6)
        pieces = words(was, now)
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == was
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == now


def test_texts_that_are_too_long_still_show_what_stayed_between_two_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "MOST_PAIRS", 200)
    monkeypatch.setattr("lib.services.personas.diff.MOST_PAIRS", 200)
    middle = "This sentence stays as it was. " * 10
    pieces = words(f"One thing was said. {middle}The end is near.", f"Two things were said. {middle}The end is far.")
    assert [(piece.kind, piece.text) for piece in pieces if piece.kind == "same"] == [
        ("same", f"said. {middle}The end is ")
    ]
    assert [piece.kind for piece in pieces] == ["gone", "new", "same", "gone", "new"]


def prompts() -> dict[str, tuple[str, str]]:
    """Pairs of 20,000 characters."""
    pick = random.Random(7)
    some = ["guide", "you", "the", "a", "customer", "ask", "never", "question", "answer", "calm", "price", "and"]
    was = " ".join(pick.choice(some) for _ in range(4000))[:20_000]
    edited = was.split(" ")
    for _ in range(300):
        edited[pick.randrange(len(edited))] = pick.choice(some)
    signs = [chr(pick.randrange(0x4E00, 0x4E00 + 400)) for _ in range(40_000)]
    return {
        "edited": (was, " ".join(edited)[:20_000]),
        "rewritten": (was, " ".join(pick.choice(some) for _ in range(4000))[:20_000]),
        "letters": (" ".join(pick.choice("abcdefgh") for _ in range(10_000)), "a " * 10_000),
        "no spaces": ("".join(signs[:20_000]), "".join(signs[20_000:])),
    }


@pytest.mark.parametrize("kind", prompts())
def test_two_prompts_of_20_000_characters_are_compared_in_time(kind: str) -> None:
    was, now = prompts()[kind]
    words("warm", "up")
    took = []
    for _ in range(5):
        begun = time.thread_time()
        words(was, now)
        took.append((time.thread_time() - begun) * 1000)
    assert min(took) <= 50
