"""Random persona rows for property tests: known fields, fields that nobody knows, either vocabulary, nulls, secrets."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

PROPERTY = settings(
    max_examples=200, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)

SCALAR = st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-1, 1) | st.text("aé🦊~/ .\ud800", max_size=4)
NAMES = st.sampled_from(("a", "b", "a/b", "~", "", "é", "model"))
ANYTHING = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)
TEXT = st.sampled_from(("", "Hello", "Hello there", "You are warm. Ask one question.", "You are brief."))


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


LAYERS = optional(
    llm=st.none()
    | optional(
        model=TEXT,
        api_key=st.sampled_from(("key-one", "key-two")),
        headers=st.dictionaries(st.sampled_from(("x", "y")), st.just("header-value"), max_size=2),
        extra_body=st.dictionaries(NAMES, ANYTHING, max_size=3),
        tools=st.lists(ANYTHING | optional(name=TEXT, secret=st.just("tool-secret"), a=ANYTHING), max_size=4),
    ),
    tts=st.none() | optional(tts_engine=TEXT, voice_settings=ANYTHING, tts_emotion_control=SCALAR),
    sts=ANYTHING,
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "system_prompt": TEXT | st.none(),
    "greeting": TEXT,
    "document_ids": st.lists(st.sampled_from("abcdef"), max_size=6) | st.none(),
    "layers": LAYERS | st.none() | ANYTHING,
    "memories": ANYTHING,
    "created_at": TEXT,
    "persona_id": st.just("p1"),
}
OLDER = optional(persona_name=TEXT | st.none(), default_replica_id=TEXT, **FIELDS)
NEWER = optional(pal_name=TEXT | st.none(), default_face_id=TEXT, **FIELDS)


@st.composite
def variants(draw: st.DrawFn, row: dict[str, Any]) -> dict[str, Any]:
    """The row with some of it changed: often little, sometimes all."""
    newer = bool({"pal_name", "default_face_id"} & row.keys())
    other: dict[str, Any] = draw(NEWER if newer else OLDER)
    if draw(st.integers(0, 3)) == 0:
        return other
    return dict(edited(draw, row, other))


def edited(draw: st.DrawFn, row: Any, other: Any) -> Any:
    """`row`, with what a few draws choose taken from `other`."""
    if not isinstance(row, dict) or not isinstance(other, dict):
        return deepcopy(other if draw(st.booleans()) else row)
    out = deepcopy(row)
    for name in draw(st.lists(st.sampled_from(sorted({*row, *other}) or [""]), max_size=2)):
        if name not in other:
            out.pop(name, None)
        elif name in out:
            out[name] = edited(draw, out[name], other[name])
        else:
            out[name] = deepcopy(other[name])
    return out


@st.composite
def older_pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    row = draw(OLDER)
    return row, draw(variants(row))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    row = draw(OLDER | NEWER)
    return row, draw(variants(row))


@st.composite
def triples(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    row = draw(OLDER | NEWER)
    return row, draw(variants(row)), draw(variants(row))


@st.composite
def any_two(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two rows that need not use the same vocabulary."""
    return draw(OLDER | NEWER), draw(OLDER | NEWER)
