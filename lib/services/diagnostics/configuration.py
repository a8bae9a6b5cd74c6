"""Every setting as it may be shown: its value or that it is set, where it comes from, what is wrong with it."""

from __future__ import annotations

import base64
import functools
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

from lib.doctor.report import SettingRow
from lib.settings import DEFAULT, NAMES, TABLE, Loaded, SettingProblem, secret_values

BASE_URL = "TAVUS_BASE_URL"
SHORTEST = 6
"""Of a shorter secret, or a shorter rest of one, nothing is blotted out: it may be part of any word."""


class Configuration:
    """The settings that were loaded, without what is secret in them."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded

    def rows(self) -> list[SettingRow]:
        sources = self._loaded.sources
        problems = {problem.name: problem for problem in self._loaded.problems}
        rows = [
            self._wrong(problems[name])
            if name in problems
            else SettingRow(name, self.hide(self._shown(name)), sources.get(name, DEFAULT), help=TABLE[name].about.help)
            for name in NAMES
        ]
        # A file that can't be read at all is no setting, but all that it holds is missing here.
        return rows + [self._wrong(problem) for name, problem in problems.items() if name not in NAMES]

    def _wrong(self, problem: SettingProblem) -> SettingRow:
        """What was written, where that may be shown, and what to do."""
        unread = "" if problem.must_be else "can't be read"
        value = problem.shown or unread or "not shown, in case it is a key"
        told = self.hide(f"{problem.cause} {problem.hint}")
        return SettingRow(problem.name, value, problem.source or "–", problem=told)

    def _shown(self, name: str) -> str:
        settings, entry = self._loaded.settings, TABLE[name]
        if entry.about.older_of and self._loaded.sources.get(name, DEFAULT) != DEFAULT:
            return f"see {entry.about.older_of}"
        if name == BASE_URL and settings.sandbox:
            return "the sandbox in this process"
        value = getattr(settings, entry.field)
        if name == "API_TOKEN" and value is None and settings.sandbox:
            return "not set: the sandbox's token is sandbox"
        if name == "DATABASE_URL":
            return _masked_url(value.get_secret_value()) or "data/greenroom.db"
        if isinstance(value, SecretStr):
            return _masked(value.get_secret_value())
        if value in (None, ""):
            return "not set"
        if isinstance(value, bool):
            return "true" if value else "false"
        return f"{value:g}{entry.kind.sign}" if isinstance(value, float) else f"{value}{entry.kind.sign}"

    def hide(self, text: str) -> str:
        """`text` without any secret, should one have come back in another side's words, plain or encoded."""
        if not self._spelt:
            return text
        text = self._any.sub("***", text)
        before, cut, after = text.partition("…")
        while cut:
            # A long answer is cut off at a mark, perhaps in the middle of a secret.
            done = before[: len(before) - self._begun(before)] + ("***" if self._begun(before) else "")
            rest, cut, after = after.partition("…")
            before = f"{done}…{rest}"
        return before

    @functools.cached_property
    def _spelt(self) -> list[str]:
        secrets = (secret for secret in secret_values(self._loaded.settings) if len(secret) >= SHORTEST)
        return sorted({way for secret in secrets for way in _spellings(secret)}, key=len, reverse=True)

    @functools.cached_property
    def _any(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self._spelt)), re.IGNORECASE)

    def _begun(self, text: str) -> int:
        """How many signs at the end of `text` are the beginning of a secret, 0 where none are."""
        end = text[-max(map(len, self._spelt)) :].lower()
        for length in range(len(end), SHORTEST - 1, -1):
            if any(way[:length].lower() == end[-length:] for way in self._spelt if len(way) > length):
                return length
        return 0


def _spellings(secret: str) -> Iterator[str]:
    """The secret as it may stand in a text, whatever the case: plain, in an address (once or twice over), in JSON, in
    HTML, in hexadecimal, in base32, and in base64 at any offset."""
    yield secret
    yield secret[::-1]
    yield quote(secret, safe="")
    yield quote(quote(secret, safe=""), safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield html.escape(secret)
    yield "".join(f"\\u{ord(sign):04x}" for sign in secret)
    yield "".join(f"%{byte:02x}" for byte in secret.encode())
    raw = secret.encode()
    yield raw.hex()
    yield raw.hex(" ")
    yield base64.b32encode(raw).decode().rstrip("=")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            # What stands before and after decides the first and the last signs: only those between are the secret's.
            first = (before * 8 + 5) // 6
            last = (before + len(raw)) * 8 // 6
            yield encode(b"\0" * before + raw).decode()[first:last]


def _masked(secret: str) -> str:
    """Enough to tell two keys apart, and never enough of a short one to guess it."""
    return f"set, ends in …{secret[-4:]}" if len(secret) >= 16 else "set"


def _masked_url(url: str) -> str:
    """Without user, password and options."""
    scheme, _, rest = url.partition("://")
    _user, at, place = rest.rpartition("@")
    return without_home(f"{scheme}://{'***@' if at else ''}{re.sub(r'[?].*', '', place)}") if url else ""


def without_home(text: str) -> str:
    """The home folder's name is often its owner's."""
    return text.replace(Path.home().as_posix(), "~").replace(str(Path.home()), "~")
