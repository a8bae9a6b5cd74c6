"""What may be kept and shown of a request or a callback: everything but keys, tokens and passwords."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lib.errors import BadInput

HIDDEN = "***"
DEEPEST = 64
"""Levels of a JSON value. Tavus's own have seven at most."""
LONGEST = 70_000
"""Characters of one text that are looked at; what comes after them is not kept anywhere, so it is cut off first."""
SHORTEST = 10
"""A text that is shorter holds no secret. A known key that is shorter is none (the sandbox's): it may be any word."""

_SECRET_NAME = re.compile(
    r"(api|access|private|account|shared|signing)[_-]?key|secret|passw|token|authori[sz]ation|credential|cookie"
    r"|(^|[_-])headers$|^(key|pass|auth|bearer|sig|signature)$",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"tokens$", re.IGNORECASE)
_LOOKS = (
    r"(?P<callback>/callbacks/tavus/)[^\s/?#\"'<>\\]+"
    r"|(?P<query>[?&](?:t|[\w.-]*(?:token|key|secret|signature|credential|passw\w*|auth|sig))=)[^\s&#\"'<>\\]+"
    r"|(?P<user>\b[a-z][a-z0-9+.-]*://)[^\s/?#\"'<>\\]*@"
    r"|(?P<scheme>\b(?:Bearer|Basic)\s+)[\w.~+/=-]{8,}"
    r"|(?P<jwt>\beyJ)[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?"
    r"|(?P<named>\\?\"[\w-]*(?:api_?key|secret|passw(?:or)?d|token|authorization)\\?\"\s*:\s*\\?\")[^\"\\]+"
)


_MARKS = ("/callbacks/", "=", "@", "bearer", "basic", "eyj", '"')
"""One of these is in every text that _LOOKS finds something in: to look for them is far quicker."""


class Redaction:
    """Knows some keys by heart and all others by their looks."""

    def __init__(self, keys: Iterable[str]) -> None:
        known = sorted({key for key in keys if len(key) >= SHORTEST}, key=len, reverse=True)
        self._secret = re.compile("|".join([*map(re.escape, known), _LOOKS]), re.IGNORECASE)
        self._marks = (*_MARKS, *(key.lower() for key in known))

    def text(self, text: str) -> str:
        """The text with HIDDEN in the place of each secret."""
        if len(text) < SHORTEST:
            return text
        lowered = text.lower()
        return self._secret.sub(_kept, text) if any(mark in lowered for mark in self._marks) else text

    def value(self, value: Any, depth: int = DEEPEST) -> Any:
        """The same for a JSON value, secrets told by their names too. Raises BadInput for one that nests too deeply."""
        if isinstance(value, str):
            return self.text(value[:LONGEST])
        if not isinstance(value, Mapping | list):
            return value
        if depth == 0:
            raise BadInput(f"The body nests deeper than {DEEPEST} levels.", code="too_deep")
        if isinstance(value, list):
            return [self.value(item, depth - 1) for item in value]
        return {
            self.text(name): HIDDEN if _secret(name, item) else self.value(item, depth - 1)
            for name, item in value.items()
        }


def _secret(name: str, value: Any) -> bool:
    """True for what has a secret's name and is not just absent, a switch or a number of tokens."""
    if value in (None, "", {}, []) or isinstance(value, bool) or not _SECRET_NAME.search(name):
        return False
    return not (isinstance(value, int | float) and _COUNTED.search(name))


def _kept(found: re.Match[str]) -> str:
    """What leads up to the secret stays."""
    before = found.lastgroup
    if before is None or before == "jwt":
        return HIDDEN
    return f"{found.group(before)}{HIDDEN}{'@' if before == 'user' else ''}"
