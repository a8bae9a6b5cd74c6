"""A persona as a file: exported and read again it is the same, without secrets and without one account's ids."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import BadInput
from lib.services.personas import files
from lib.services.personas.base import Base
from lib.services.personas.content import content_of
from lib.services.personas.files import FileRefused
from lib.services.personas.rows import ABSENT, get, leaves
from tests.services.personas.rows import NEWER, OLDER, PROPERTY
from tests.services.personas.test_yaml_text import TEXTS, VALUES

CANARY = "sk-canary-5dA81"
GUIDE: dict[str, Any] = {
    "persona_id": "p1",
    "persona_name": "Guide",
    "system_prompt": "You are a guide.\nYou are warm.",
    "default_replica_id": "r-own",
    "document_ids": ["d1"],
    "guardrail_ids": ["g1"],
    "guardrails_id": "gs1",
    "objectives_id": "o1",
    "tool_ids": ["t1"],
    "document_tags": ["faq"],
    "zeta": 1,
    "alpha": {"b": 1, "a": "no"},
    "layers": {
        "tts": {"pronunciation_dictionary_id": "pd1", "tts_engine": "cartesia", "api_key": CANARY},
        "llm": {
            "headers": {"Authorization": CANARY},
            "model": "own",
            "base_url": f"https://me:{CANARY}@example.com/v1",
        },
        "perception": {"perception_model": "raven-1"},
    },
}

ROWS = st.builds(
    lambda row, name, more: {**row, **more, "persona_name": name},
    OLDER | NEWER,
    TEXTS.filter(str.strip),
    st.dictionaries(TEXTS.filter(lambda name: name != files.OURS), VALUES, max_size=3),
)


def exported(row: dict[str, Any], **how: Any) -> files.PersonaFile:
    return files.read("guide.yaml", files.text(content_of(row), **how).encode())


@PROPERTY
@given(ROWS)
def test_export_then_import_is_the_identity_but_for_secrets_and_account_ids(row: dict[str, Any]) -> None:
    content = content_of(row)
    whole, portable = exported(row, ids=True), exported(row)
    assert json.dumps(whole.fields, sort_keys=True) == json.dumps(content.fields, sort_keys=True)
    assert whole.secrets == portable.secrets == content.secrets
    assert whole.base == portable.base == Base.of(content.fields)
    bound = {path: value for path, value in leaves(content.fields) if path in files.ACCOUNT_IDS}
    kept = {path: value for path, value in leaves(content.fields) if path not in files.ACCOUNT_IDS}
    assert dict(leaves(portable.fields)).items() >= {p: v for p, v in kept.items() if v != {}}.items()
    assert all(get(portable.fields, path) is ABSENT for path in bound)


@PROPERTY
@given(ROWS, st.sampled_from(["api_key", "access_token", "password", "x-secret"]))
def test_no_secret_is_ever_in_a_file(row: dict[str, Any], name: str) -> None:
    row["layers"] = {
        "llm": {"api_key": CANARY, "headers": {"x": CANARY}},
        "tts": {"api_key": CANARY},
        "sts": {name: CANARY},
    }
    row["hooks"] = [{"auth": {name: CANARY}}, f"https://user:{CANARY}@example.com"]
    for ids in (False, True):
        assert CANARY not in files.text(content_of(row), ids=ids)


def test_a_file_is_ordered_as_a_person_would_order_it() -> None:
    assert files.text(content_of(GUIDE), base=False) == (
        files.HEAD
        + """persona_name: Guide
system_prompt: |-
  You are a guide.
  You are warm.
layers:
  perception:
    perception_model: raven-1
  llm:
    model: own
  tts:
    tts_engine: cartesia
document_tags:
  - faq
alpha:
  a: 'no'
  b: 1
zeta: 1
greenroom:
  secrets:
    - layers.llm.base_url
    - layers.llm.headers
    - layers.tts.api_key
"""
    )


def test_ids_of_an_account_stay_out_unless_asked_for_and_a_stock_replica_stays() -> None:
    assert exported(GUIDE, ids=True).fields["objectives_id"] == "o1"
    bare = exported(GUIDE)
    assert [path for path in files.ACCOUNT_IDS if get(bare.fields, path) is not ABSENT] == []
    assert exported(GUIDE, stock={"r-own"}).fields["default_replica_id"] == "r-own"


def test_a_number_that_is_none_can_not_be_exported_and_the_persona_is_named() -> None:
    with pytest.raises(BadInput, match="Guide holds a number"):
        files.text(content_of({**GUIDE, "zeta": float("inf")}))


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("system_prompt: x\n", 0, "Give the persona its name"),
        ("persona_name: 12\n", 1, "Give the persona its name"),
        ("persona_name: ' '\n", 1, "Give the persona its name"),
        ("persona_name: A\npersona_id: p1\n", 2, "persona_id is written by Tavus"),
        ("persona_name: A\npal_name: B\n", 2, "pal_name and persona_name are one field"),
        (f"persona_name: A\nlayers:\n  llm:\n    api_key: {CANARY}\n", 4, "layers.llm.api_key is a secret"),
        (f"persona_name: A\nlayers:\n  llm:\n    headers:\n      x: {CANARY}\n", 4, "layers.llm.headers is a secret"),
        (f"persona_name: A\nlayers:\n  llm:\n    headers: {CANARY}\n", 4, "layers.llm.headers is a secret"),
        ("persona_name: A\nlayers: {tts: {api_key: ''}}\n", 2, "layers.tts.api_key is a secret"),
        (f"persona_name: A\nhooks:\n  - x\n  - token: {CANARY}\n", 4, "hooks.1.token is a secret"),
        (f"persona_name: A\nlayers: {{llm: {{base_url: 'https://a:{CANARY}@b.c'}}}}\n", 2, "base_url is a secret"),
        (f"persona_name: A\ngreenroom:\n  secrets:\n    layers.llm.api_key: {CANARY}\n", 3, "never their values"),
        ("persona_name: A\ngreenroom:\n  based_on: v1.*\n", 3, "export the file again"),
        ("persona_name: A\ngreenroom:\n  based_on: 12\n", 3, "export the file again"),
        ("persona_name: A\ngreenroom:\n  basedon: v1.\n", 2, "take the rest out"),
        ("persona_name: A\ngreenroom: yes\n", 2, "take the rest out"),
        ("persona_name: A\n\tsystem_prompt: x\n", 2, "indent with spaces"),
    ],
)  # fmt: skip
def test_a_file_that_says_what_it_must_not_is_refused_with_its_line(text: str, line: int, told: str) -> None:
    with pytest.raises(FileRefused) as refused:
        files.read("a.yaml", text.encode())
    assert any(trouble.line == line and told in trouble.message for trouble in refused.value.troubles)
    assert CANARY not in repr(refused.value.troubles) + str(refused.value)
    assert "a.yaml" in str(refused.value)


def test_a_file_that_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(FileRefused, match=r"a\.yaml: It has more than 1,048,576 bytes"):
        files.read("a.yaml", b"persona_name: " + b"x" * files.MOST_BYTES)


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_file() -> None:
    with pytest.raises(FileRefused) as refused:
        files.read("a.yaml", b"created_at: x\nsystem_prompt: y\nlayers: {llm: {api_key: k}}\nupdated_at: z\n")
    assert [trouble.line for trouble in refused.value.troubles] == [0, 1, 3, 4]


def test_newer_names_are_read_as_the_older_ones_and_null_stays_null() -> None:
    read = files.read("a.yaml", b"pal_name: A\ndefault_face_id: null\nlayers:\n  tts: null\n  llm: {api_key: null}\n")
    assert read.fields == {
        "persona_name": "A", "default_replica_id": None, "layers": {"tts": None, "llm": {"api_key": None}},
    }  # fmt: skip
    assert (read.line(("default_replica_id",)), read.line(("layers", "tts", "tts_engine")), read.line(("x",))) == (
        2,
        4,
        0,
    )


def test_a_file_gets_another_base_and_nothing_else_changes() -> None:
    raw = files.text(content_of(GUIDE)).replace("\n", "\r\n").encode() + b"# mine\r\n"
    read = files.read("a.yaml", raw)
    other = Base.of({"persona_name": "Guide"})
    changed = files.rebased(raw, read.lines, other)
    assert changed is not None
    assert changed.replace(str(other).encode(), b"*") == raw.replace(str(read.base).encode(), b"*")
    assert files.read("a.yaml", changed).base == other
    assert files.rebased(b"persona_name: A\n", files.read("a.yaml", b"persona_name: A\n").lines, other) is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Guide", "GUIDE", "guide", "Guide!"], ["guide.yaml", "guide-2.yaml", "guide-3.yaml", "guide-4.yaml"]),
        (["guide 2", "Guide", "Guide"], ["guide-2.yaml", "guide.yaml", "guide-3.yaml"]),
        (["CON", "lpt9", "COM¹", "nul", "Console"],
         ["con-persona.yaml", "lpt9-persona.yaml", "com1-persona.yaml", "nul-persona.yaml", "console.yaml"]),
        (["../../etc/passwd", "C:\\x", "a/b", ".hidden", "x. "],
         ["etc-passwd.yaml", "c-x.yaml", "a-b.yaml", "hidden.yaml", "x.yaml"]),
        (["", "🦊", "\ud800", "\x07"], ["persona.yaml", "persona-2.yaml", "persona-3.yaml", "persona-4.yaml"]),
        (["हिन्दी कोच", "שלום", "\u202eevil"], ["हिन्दी-कोच.yaml", "שלום.yaml", "evil.yaml"]),
        (["a" * 300], ["a" * 60 + ".yaml"]),
    ],
)  # fmt: skip
def test_file_names_are_legal_on_every_system_and_do_not_clash(names: list[str], expected: list[str]) -> None:
    assert files.file_names(names) == expected


def test_file_names_keep_away_from_those_that_are_taken() -> None:
    assert files.file_names(["Guide", "Coach"], ["GUIDE", "guide-2"]) == ["guide-3.yaml", "coach.yaml"]


@PROPERTY
@given(st.lists(TEXTS, max_size=6))
def test_any_names_get_file_names_of_their_own_that_fit(names: list[str]) -> None:
    found = files.file_names(names)
    assert len({name.casefold() for name in found}) == len(names)
    assert all(len(name.encode()) <= 255 and not set(name) & set('<>:"/\\|?*\0\n') for name in found)


@PROPERTY
@given(OLDER, OLDER)
def test_a_base_tells_what_changed_since(was: dict[str, Any], now: dict[str, Any]) -> None:
    old, new = content_of(was).fields, content_of(now).fields
    base = Base.parse(str(Base.of(old)))
    for path in {*dict(leaves(old)), *dict(leaves(new))}:
        there = dict(leaves(new)).get(path, ABSENT)
        assert base.says(path, there) == (Base.of(new).says(path, dict(leaves(old)).get(path, ABSENT)))
        assert base.says(path, dict(leaves(old)).get(path, ABSENT))
