"""What is secret by where it stands: under a name, at the end of a path, beside a label."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

WORDS = (
    r"(?:api|access|private|account|shared|signing|subscription|encryption|license)[ _-]?key|secret"
    r"|pass(?:w(?:or)?d|phrase|code)|pwd|token|authori[sz]ation|credential|cookie|connection[ _-]?string|jwt"
)
"""Names of secrets, as parts of a regular expression. The case of their letters does not matter."""

_WORDS = re.compile(WORDS, re.IGNORECASE)
_LAST = re.compile(rf"(?:{WORDS})(?:(?<!token)s)?$", re.IGNORECASE)
_NAME = re.compile(
    rf"{WORDS}|headers(?:$|[/.\[])|[_-]auth$|(?:^|[/.\[\"'])(?:key|pass|auth|bearer|sig|signature)(?:$|[/.\]\"'])",
    re.IGNORECASE,
)
_SOME_KEY = re.compile(r"[_-]key$|[a-z]Key$|_KEY$")
_COUNTED = re.compile(r"tokens$|token_?(?:count|limit|usage|budget)", re.IGNORECASE)
_LABELS = ("path", "pointer", "name", "key", "field", "header", "param", "loc", "type")
_HELD = frozenset(
    ("value", "values", "input", "default", "old", "new", "old_value", "new_value", "oldValue", "newValue")
)
_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
_RANDOM = re.compile(r"(?=\S*[A-Za-z])(?=\S*[0-9A-Z])\S{10,}")
_SHORT = 64
_PLAIN = re.compile(r"[a-z]{1,2}[0-9a-f]{8,14}$|[A-Za-z]*/|[a-z]+://")


def names_secret(name: str) -> bool:
    """True for a name, a dotted path or a JSON Pointer that leads to a secret or through a branch of them."""
    return _known(name) if len(name) <= _SHORT else _leads(name)


def _leads(name: str) -> bool:
    if "%" in name:
        name = unquote(name)
    return _NAME.search(name.replace("~1", "/").replace("~0", "~") if "~" in name else name) is not None


# The same few names come again and again.
_known = lru_cache(maxsize=2048)(_leads)


def is_secret(name: str, value: Any) -> bool:
    """True for what has a secret's name and is not just absent, a switch or a number of tokens."""
    if names_secret(name):
        counted = isinstance(value, int | float) and _COUNTED.search(name)
        return not (value is None or isinstance(value, bool) or counted or value in ("", {}, []))
    some_key = name[-3:].lower() == "key" and isinstance(value, str) and len(value) >= 16
    return some_key and _SOME_KEY.search(name) is not None and is_random(value)


def is_secret_field(name: str, value: Any) -> bool:
    """True for a persona's secret field. Its name has to end as a secret's does: nothing of its contents may be lost.

    A parameter of a tool that is called so has the form of it there, and no secret.
    """
    if isinstance(value, str):
        return _LAST.search(name) is not None
    if isinstance(value, Mapping) and value.get("type") in _TYPES:
        return False
    return isinstance(value, Mapping | list) and (name.lower() == "headers" or _LAST.search(name) is not None)


def held_beside(node: Mapping[str, Any]) -> frozenset[str]:
    """Names in `node` whose values belong to a secret that another one names: the `value` in a step of a patch."""
    held = _HELD & node.keys()
    return held if held and any(map(names_secret, _labels(node))) else frozenset()


def is_random(text: str) -> bool:
    """True for one word that is no plain word, no address, no path and no id of Tavus's."""
    return _RANDOM.fullmatch(text) is not None and _PLAIN.match(text) is None


def is_plain(name: str) -> bool:
    """True where only the place makes a secret of a value: under `key`, or as one of many headers."""
    return _WORDS.search(name) is None


def label(node: Mapping[str, Any]) -> str:
    """What `node` says that it speaks of."""
    return " ".join(_labels(node))


def _labels(node: Mapping[str, Any]) -> Iterator[str]:
    for name in _LABELS:
        value = node.get(name)
        if isinstance(value, list):
            value = "/".join(str(part) for part in value[:20])
        if isinstance(value, str) and " " not in value:
            yield value
