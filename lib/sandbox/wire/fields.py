"""Checks on the fields of a request's body. Each raises `Refusal` (400) with one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lib.sandbox.state import Row
from lib.sandbox.wire.responses import Refusal

NAME = re.compile(r"[A-Za-z0-9_]{1,100}", re.ASCII)
MAX_URL = 2048
MODALITIES = ("verbal", "visual", "audio")
"""Of objectives and guardrails. `audio` is newer than the spec; the official command line sends it."""


def texts(body: Row, names: Iterable[str], *, most: int | None = None) -> None:
    """Each of them is a string, at most `most` characters long, or not given."""
    for name in names:
        value = body.get(name)
        if not isinstance(value, str | None):
            raise Refusal(f"{name} must be a string.")
        if most is not None and len(value or "") > most:
            raise Refusal(f"{name} may have at most {most} characters.")


def needed(body: Row, name: str, *, most: int | None = None) -> None:
    """It is a string that says something."""
    texts(body, (name,), most=most)
    if not (body.get(name) or "").strip():
        raise Refusal(f"{name} is required.")


def plain_name(body: Row, name: str) -> None:
    """It is a name of letters, digits and underscores."""
    needed(body, name)
    if not NAME.fullmatch(body[name]):
        raise Refusal(f"{name} may have up to 100 letters, digits and underscores.")


def choice(body: Row, name: str, choices: Sequence[str]) -> None:
    if body.get(name) is not None and body[name] not in choices:
        raise Refusal(f"{name} must be one of {', '.join(choices)}.")


def text_list(body: Row, name: str, *, most: int | None = None, longest: int | None = None) -> None:
    """A list of at most `most` strings, each of one to `longest` characters where that is told, or not given."""
    value = body.get(name)
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Refusal(f"{name} must be a list of strings.")
    if most is not None and len(value) > most:
        raise Refusal(f"{name} may hold at most {most}.")
    if longest is not None and not all(0 < len(item) <= longest for item in value):
        raise Refusal(f"Each of {name} must have 1 to {longest} characters.")


def objects(body: Row, names: Iterable[str]) -> None:
    for name in names:
        if not isinstance(body.get(name), dict | None):
            raise Refusal(f"{name} must be an object.")


def switches(body: Row, names: Iterable[str]) -> None:
    for name in names:
        if not isinstance(body.get(name), bool | None):
            raise Refusal(f"{name} must be true or false.")


def filled(body: Row, defaults: Row) -> Row:
    """The given fields without those that are null, over the defaults."""
    return {**defaults, **{name: value for name, value in body.items() if value is not None}}
