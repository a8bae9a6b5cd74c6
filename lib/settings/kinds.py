"""What a setting's value may be: each kind checks it, and says in words what it must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from pydantic import SecretStr


class SettingKind:
    """`must_be` ends the sentence "it must be"; `sign` stands behind a value that is shown."""

    must_be: str
    sign = ""
    secret = False

    def tidied(self, text: str) -> tuple[str, str]:
        """What was meant, where that is beyond doubt, and what to say of it behind the setting's name, or ""."""
        return text, ""

    def fit(self, value: Any) -> Any:
        """The value as it is used. Raises ValueError for one that can't be."""
        return value

    def secrets(self, value: Any) -> Iterator[str]:
        """What of it must never be shown."""
        return iter(())


class NumberIn(SettingKind):
    """A number from `low` to `high`, `of` a unit; `sign` is that unit as it is shown, `zero` what 0 means."""

    def __init__(
        self,
        low: float,
        high: float,
        of: str = "",
        sign: str = "",
        *,
        whole: bool = True,
        zero: str = "",
        aside: str = "",
    ) -> None:
        self._low, self._high = low, high
        self.sign = sign
        number = f"a {'whole ' if whole else ''}number{f' of {of}' if of else ''}"
        self.must_be = f"{number} from {low}{f' ({zero})' if zero else ''} to {high}{aside}"

    def fit(self, value: float) -> float:
        if not self._low <= value <= self._high:
            raise ValueError
        return value


class OneOf(SettingKind):
    """One of a few words, whatever their case. `empty` lets it be left empty too."""

    def __init__(self, *words: str, empty: bool = False) -> None:
        self._allowed = (*words, "") if empty else words
        self.must_be = f"{words[0]}, or left empty" if empty else " or ".join(words)

    def tidied(self, text: str) -> tuple[str, str]:
        return text.lower().replace("-", "_"), ""

    def fit(self, value: Any) -> Any:
        if value not in self._allowed:
            raise ValueError
        return value


class YesOrNo(SettingKind):
    """1, true, yes, on, or their opposites."""

    must_be = "true or false"


class KeyText(SettingKind):
    """A key or token. One with a space, a line end or a letter beyond ASCII can't be sent in a header."""

    secret = True

    def __init__(self, shown_by: str = "") -> None:
        as_shown = f", as {shown_by} shows it" if shown_by else ""
        self.must_be = f"one word of plain letters, digits and signs{as_shown}"

    def fit(self, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[\x21-\x7e]{1,512}", value.get_secret_value()):
            raise ValueError
        return value

    def secrets(self, value: SecretStr | None) -> Iterator[str]:
        if value is not None:
            yield value.get_secret_value()


class TextUpTo(SettingKind):
    """Any text of at most so many characters."""

    def __init__(self, most: int, must_be: str) -> None:
        self._most = most
        self.must_be = must_be.format(most=most)

    def fit(self, value: str) -> str:
        if len(value) > self._most:
            raise ValueError
        return value


class Shaped(SettingKind):
    """A text that fits a pattern as a whole."""

    def __init__(self, pattern: str, must_be: str) -> None:
        self._pattern = re.compile(pattern)
        self.must_be = must_be

    def fit(self, value: str) -> str:
        if not self._pattern.fullmatch(value):
            raise ValueError
        return value


class ReadBy(SettingKind):
    """A text that a function reads; the function raises ValueError for what it can't."""

    def __init__(self, read: Callable[[str], str], must_be: str, most: int = 10_000) -> None:
        self._read = read
        self._most = most
        self.must_be = must_be

    def fit(self, value: str) -> str:
        if len(value) > self._most:
            raise ValueError
        return self._read(value)


class DailySubdomain(Shaped):
    """A domain of Daily by its bare name; a pasted address is read as the name in it."""

    def __init__(self) -> None:
        super().__init__("([a-z0-9][a-z0-9-]{0,62})?", "the bare name before .daily.co, such as go-scope")

    def tidied(self, text: str) -> tuple[str, str]:
        pasted = re.fullmatch(r"(?:https?://)?([a-z0-9-]+)\.daily\.co(?:/.*)?", text, re.IGNORECASE)
        if not pasted:
            return text.lower(), ""
        bare = pasted[1].lower()
        return bare, f"was given as an address; its bare name, {bare}, is used."


class DatabaseAddress(SettingKind):
    """An address for SQLAlchemy, which may hold passwords. "" is the file that Greenroom keeps itself."""

    must_be = "an address that begins with sqlite:// or postgresql://"
    secret = True

    def tidied(self, text: str) -> tuple[str, str]:
        if not text.startswith("postgres://"):
            return text, ""
        told = "begins with postgres://; it is read as postgresql://."
        return "postgresql://" + text.removeprefix("postgres://"), told

    def fit(self, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not re.match(r"(sqlite|postgresql)(\+\w+)?://", value.get_secret_value()):
            raise ValueError
        return value

    def secrets(self, value: SecretStr) -> Iterator[str]:
        """Its passwords, as they stand there and as they are meant."""
        url = value.get_secret_value()
        user, at, rest = url.partition("://")[2].rpartition("@")
        words = [user.partition(":")[2]] if at else []
        options = (rest if at else url).partition("?")[2].split("&")
        words += [given for name, _, given in (option.partition("=") for option in options) if "password" in name]
        for word in filter(None, words):
            yield from {word, unquote(word)}


REPLICA_ID = Shaped("[A-Za-z0-9_-]{0,64}", "a replica's id, such as r90bbd427f71")
VOICE_ID = Shaped("[A-Za-z0-9_-]{0,64}", "a voice's id")
IMAGE = Shaped(
    "([A-Za-z0-9][A-Za-z0-9._/:@-]{0,400})?", "an image's name, such as registry.example.com/greenroom-worker:1"
)
# As Kubernetes takes it for a namespace and, at that length, for anything else.
CLUSTER_NAME = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
WEB_ADDRESS = "an http:// or https:// address without user name or question mark"
