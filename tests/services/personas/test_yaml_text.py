"""YAML as the files of personas use it: what is written is read again alike, what can be misread is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lib import yaml_text
from lib.yaml_text import YamlWrong
from tests.services.personas.rows import PROPERTY

BITS = (
    "\x85", "\t", " ", "\n", "\r\n", "- ", "#", " #", ": ", '"', "🦊", "שלום", "\ud800", "\udc00", "\x07", "\u2028",
    "\ufeff", "no", "on", "12:30", "1e3", "0o7", "null", "true", "~", "True", "---", "...", "|", ">", "&a", "*b", "!c",
    "%", "@", "`", "<<", "=", "2026-01-01", "1_000", "{", "}", "[", "]", ",", "?", "\\", "a", "word ", "\x00", "\x7f",
    "'", "\x9f", "\ufffe", ".inf", "-", "+1", ".5", "0x1F", "x" * 130, "long words " * 12,
)  # fmt: skip
TEXTS = (
    st.lists(st.sampled_from(BITS), max_size=8).map("".join)
    | st.text(st.characters(exclude_categories=()), max_size=20)
).map(yaml_text.joined)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)


def same(a: Any, b: Any) -> bool:
    return json.dumps(a) == json.dumps(b)


@PROPERTY
@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_what_is_written_is_read_again_alike_by_this_reader_and_by_any_other(value: dict[str, Any]) -> None:
    text = yaml_text.write(value)
    assert same(yaml_text.read(text.encode()).value, value)
    assert same(yaml.safe_load(text), value)
    assert text == yaml_text.write(value)


@PROPERTY
@given(st.binary(max_size=60) | TEXTS.map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_read_or_refused_with_a_line(raw: bytes) -> None:
    try:
        yaml_text.read(raw)
    except YamlWrong as wrong:
        assert 1 <= wrong.line <= raw.count(b"\n") + raw.count(b"\r") + 2
        assert str(wrong)


def test_a_long_text_is_a_block_line_by_line() -> None:
    prompt = "# Who\n\nYou are warm.  \n\t- Ask: why?\n"
    assert yaml_text.write({"p": prompt}) == "p: |\n  # Who\n\n  You are warm.  \n  \t- Ask: why?\n"
    assert yaml_text.write({"p": "\tx\ny"}) == "p: |2-\n  \tx\n  y\n"
    assert yaml_text.write({"p": "a\r\n b\r\n"}) == 'p: "a\\r\\n\\\n  \\ b\\r\\n\\\n  "\n'


@pytest.mark.parametrize(
    "word", ["no", "on", "yes", "12:30", "0o7", "0x1F", "2026-01-01", ".5", "+1", "1_000", ".inf", "=", "007", "1."]
)
def test_a_plain_word_that_json_would_not_read_is_text(word: str) -> None:
    assert yaml_text.read(f"a: {word}\n{word}: b".encode()).value == {"a": word, word: "b"}


@pytest.mark.parametrize(
    ("word", "value"), [("1e3", 1000.0), ("-0.5", -0.5), ("12", 12), ("true", True), ("false", False), ("null", None)]
)
def test_a_plain_word_that_json_reads_is_what_json_says(word: str, value: Any) -> None:
    read = yaml_text.read(f"a: {word}\nb: '{word}'".encode()).value
    assert (read["a"], type(read["a"]), read["b"]) == (value, type(value), word)


@pytest.mark.parametrize(
    "raw",
    [
        b"a: 1\r\nb: |\r\n  x\r\n  y\r\n",
        b"\xef\xbb\xbfa: 1\nb: |\n  x\n  y\n",
        "a: 1\nb: |\n  x\n  y\n".encode("utf-16"),
        "\ufeffa: 1\r\nb: |\r\n  x\r\n  y\r\n".encode("utf-16-be"),
        b"%YAML 1.2\n---\na: 1\nb: |\n  x\n  y\n...\n",
    ],
)
def test_what_editors_on_other_systems_save_is_read_right(raw: bytes) -> None:
    assert yaml_text.read(raw).value == {"a": 1, "b": "x\ny\n"}


def test_halves_of_a_character_are_kept_and_joined_where_both_are_there() -> None:
    assert yaml_text.read(b'a: "\\ud83e\\udd8a"\nb: "\\ud83e"').value == {"a": "🦊", "b": "\ud83e"}


@pytest.mark.parametrize(
    ("raw", "line", "told"),
    [
        (b"", 1, "empty"),
        (b"# a comment\n", 1, "empty"),
        (b"just text", 1, "begin with `persona_name"),
        (b"- a\n- b", 1, "begin with `persona_name"),
        (b"a: 1\n---\nb: 2\n", 2, "second document"),
        (b"a: 1\n...\nb: 2\n", 3, "second document"),
        (b"a: 1\nb: 2\na: 3\n", 3, "`a` is there twice, in line 1 and here"),
        (b"x:\n  a: 1\n  a: 2\n", 3, "`a` is there twice, in line 2 and here"),
        (b"a: 1\nb: &part text\n", 2, "put quotes around it"),
        (b"a: *bold text\n", 1, "put quotes around it"),
        (b"a: *bold* text\n", 1, "needs quotes around it"),
        (b"a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", 1, "write it out|take it out"),
        (b"a: !!python/object/apply:os.system [echo]\n", 1, "type tag"),
        (b"a: !important\n", 1, "type tag"),
        (b"<<: {a: 1}\n", 1, "write them out"),
        (b"? [a]\n: 1\n", 1, "must be plain text"),
        (b"a: 1\nb:\n", 2, "write null to remove"),
        (b"a: ~\n", 1, "write null, or '~'"),
        (b"a: True\n", 1, "write true, or 'True'"),
        (b"a: 1e999\n", 1, "too large"),
        (b"a: " + b"9" * 5000, 1, "too large"),
        (b"a: b: c\n", 1, "needs quotes"),
        (b"a: |\n  text\nmore text\nb: 1\n", 4, "not YAML"),
        (b"a:\n\tb: 1\n", 2, "indent with spaces"),
        (b"a: |\n\tx\n", 2, "indent with spaces"),
        (b"a: 1\nb: 'open\nc: 2\n", 2, "never closed"),
        (b"a: @home\n", 1, "not YAML"),
        (b"a: " + b"[" * 4000, 1, "nested more than"),
        (b"a: " + b"{a: " * 4000, 1, "nested more than"),
        (b"a: ok\nb: \xff\xff\n", 2, "UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", 1, "UTF-8"),
        (b"a: ok\nb: \x00\n", 2, "not a text file"),
        (b"a: ok\nb: \x07\n", 2, "U\\+0007"),
        ("a: |\n  one\u2028two: 2\n".encode(), 2, "U\\+2028"),
    ],
)
def test_what_can_be_misread_is_refused_with_its_line_and_what_to_do(raw: bytes, line: int, told: str) -> None:
    with pytest.raises(YamlWrong, match=told) as wrong:
        yaml_text.read(raw)
    assert wrong.value.line == line


@pytest.mark.parametrize("sign", ["!", "!!", "&", "*", "&a ", "!<", "%", "@", "`", ": ", "[", '"'])
def test_a_value_that_lacks_its_quotes_is_not_repeated_in_the_message(sign: str) -> None:
    with pytest.raises(YamlWrong) as wrong:
        yaml_text.read(f"a: 1\napi_key: {sign}sk-canary-41c\nb: 2\n".encode())
    assert "canary" not in str(wrong.value)


def test_what_json_can_not_hold_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        yaml_text.write({"a": float("nan")})


def test_the_lines_of_a_file_are_known_by_their_path() -> None:
    lines = yaml_text.read(b"a: 1\nb:\n  c:\n    - x\n    - d: y\n").lines
    assert (lines[("a",)], lines[("b", "c")], lines[("b", "c", "1", "d")]) == (1, 3, 5)
