"""What may be kept and shown of a request, an answer or an error: everything but keys, tokens and passwords.

A secret is known by the name or the path under which it stands, by its value once it has been seen there, and by its
looks.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

from lib.errors import BadInput
from lib.redaction.names import held_beside, is_plain, is_random, is_secret, label, names_secret
from lib.redaction.shapes import Rule, Span, in_address, rules_for

HIDDEN = "***"
DEEPEST = 64
"""Levels of a JSON value. Tavus's own have seven at most."""
LONGEST = 70_000
"""Characters of one text that are looked at; what comes after them is not kept anywhere, so it is cut off first."""
SHORTEST = 10
"""A text that is shorter holds no secret. A known key that is shorter is none (the sandbox's): it may be any word."""
REMEMBERED = 100
"""Secrets that are known besides the settings', the latest: each text is searched for all of them."""
LARGEST = 2_000
"""Characters of a secret that is remembered, and of an address in which one is looked for."""
HALF = 1_000

_JSON = re.compile(r'\s*"?(?:[\[{]\s*){1,9}\\*"')


@dataclass(frozen=True)
class _Search:
    """What to look for in one value: of all that is `known`, and of all rules, what can be found in it."""

    known: frozenset[str]
    present: tuple[str, ...]
    rules: tuple[Rule, ...]


class Redaction:
    """Knows some keys by heart and learns others. Safe to use from several threads."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._keys = _spelt(keys)
        self._learned: dict[str, frozenset[str]] = {}
        self._known = self._keys
        self._lock = threading.Lock()

    def learn(self, value: Any) -> None:
        """Know from now on what stands under a secret's name in this JSON value, wherever else it turns up."""
        new = set(secrets_in(value))
        if new <= self._learned.keys():
            return
        with self._lock:
            latest = {secret: ways for secret, ways in self._learned.items() if secret not in new}
            latest |= {secret: _spelt([secret]) for secret in new}
            self._learned = dict(list(latest.items())[-REMEMBERED:])
            self._known = self._keys.union(*self._learned.values())

    def text(self, text: str) -> str:
        """The text with HIDDEN in the place of each secret."""
        return _text(text, _search(self._known, text), DEEPEST)

    def value(self, value: Any) -> Any:
        """A JSON value with HIDDEN for each secret, told by its name too. Raises BadInput where it nests too deeply."""
        return _value(value, _search(self._known | _spelt(secrets_in(value)), value), DEEPEST)


def secrets_in(value: Any) -> Iterator[str]:
    """What stands under a secret's name or path in a JSON value, and the passwords and tokens in its addresses.

    Only what is long and odd enough to be known again: not one of a request's headers that is a plain word.
    """
    todo: list[tuple[Any, bool, bool]] = [(value, False, False)]
    while todo:
        item, secret, plain = todo.pop()
        if isinstance(item, Mapping):
            held = held_beside(item)
            for name, inner in item.items():
                named = label(item) if name in held else name
                here = is_secret(named, inner)
                todo.append((inner, secret or here, not here or is_plain(named)))
        elif isinstance(item, list):
            todo += ((inner, secret, plain) for inner in item)
        elif isinstance(item, str) and len(item) >= SHORTEST:
            if _JSON.match(item):
                with suppress(ValueError, RecursionError):
                    todo.append((json.loads(item), secret, plain))
            elif len(item) <= LARGEST:
                yield from _pieces(item, plain) if secret else in_address(item, _lowered(item))


def _pieces(text: str, plain: bool) -> Iterator[str]:
    """The value, and the last of its words: a header's begins with the name of its scheme."""
    if not plain or is_random(text):
        yield text
    yield from (word for word in text.split()[-1:] if word != text and is_random(word))


def _spelt(secrets: Iterable[str]) -> frozenset[str]:
    """Secrets in lower case, as they are, as JSON writes them, and as they stand in an address."""
    ways = (str, quote_plus, lambda secret: quote(secret, safe=""), lambda secret: json.dumps(secret)[1:-1])
    return frozenset(way(secret).lower() for secret in secrets if len(secret) >= SHORTEST for way in ways)


def _search(known: frozenset[str], value: Any) -> _Search:
    lowered = "\n".join(_strings(value)).lower()
    return _Search(known, tuple(secret for secret in known if secret in lowered), rules_for(lowered))


def _strings(value: Any) -> Iterator[str]:
    """All texts of a JSON value that are long enough to hold a secret."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if len(item) >= SHORTEST:
                yield item
        elif isinstance(item, Mapping):
            todo += item
            todo += item.values()
        elif isinstance(item, list):
            todo += item


def _value(value: Any, search: _Search, depth: int) -> Any:
    if isinstance(value, str):
        return _text(value, search, depth)
    if not isinstance(value, Mapping | list):
        return value
    if depth <= 0:
        raise BadInput(f"The body nests deeper than {DEEPEST} levels.", code="too_deep")
    if isinstance(value, list):
        return [_value(item, search, depth - 1) for item in value]
    held = held_beside(value)
    return {
        _text(name, search, depth): HIDDEN
        if is_secret(name, item) or (name in held and is_secret(label(value), item))
        else _value(item, search, depth - 1)
        for name, item in value.items()
    }


def _text(text: str, search: _Search, depth: int) -> str:
    if len(text) < SHORTEST:
        return text
    if len(text) > LONGEST:
        # Its end may be half a secret, which nothing tells any more.
        return _text(text[:LONGEST], search, depth)[:-HALF] or HIDDEN
    if _JSON.match(text) and (clean := _json(text, search.known, depth)) is not None:
        return clean
    if not (search.present or search.rules):
        return text
    lowered = _lowered(text)
    spans = [span for secret in search.present for span in _found(secret, lowered)]
    spans += (span for rule in search.rules for span in rule.spans(text, lowered))
    return _without(text, sorted(spans)) if spans else text


def _json(text: str, known: frozenset[str], depth: int) -> str | None:
    """JSON that is a text; None if it is none. Nothing is left of one that names a secret and can't be read whole."""
    try:
        value = json.loads(text, object_pairs_hook=_without_repeats)
        clean = _value(value, _search(known, value), depth - 1)
    except (ValueError, RecursionError, BadInput):
        return HIDDEN if names_secret(text) else None
    return text if clean == value else json.dumps(clean, ensure_ascii=False)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError where a name stands twice: of two values, only one would be looked at."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError
    return value


def _lowered(text: str) -> str:
    """In lower case and as long as before, which a few letters would not be."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(lower if len(lower := sign.lower()) == 1 else sign for sign in text)


def _found(secret: str, lowered: str) -> Iterator[Span]:
    at = lowered.find(secret)
    while at >= 0:
        yield at, at + len(secret)
        at = lowered.find(secret, at + len(secret))


def _without(text: str, spans: Iterable[Span]) -> str:
    """HIDDEN in the place of each span, and once for those that overlap. They are in their order."""
    parts, done = list[str](), 0
    for start, end in spans:
        if start >= done:
            parts += [text[done:start], HIDDEN]
        done = max(done, end)
    return "".join(parts) + text[done:]
