"""What one field of a persona is: where it lives, how it is typed in, what applies when it is empty."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DOCS = "https://docs.tavus.io/sections/conversational-video-interface/persona/"
NEWER_DOCS = "https://docs.tavus.io/sections/conversational-video-interface/pal/"
CREATE = "https://docs.tavus.io/api-reference/personas/create-persona"
NEWER_CREATE = "https://docs.tavus.io/api-reference/pals/create-pal"


class FieldKind(StrEnum):
    """How a field is typed in, and so what its value is in the form (see `form.read`)."""

    TEXT = "text"  # str, one line
    LONG = "long"  # str, several lines
    LINES = "lines"  # str, one entry a line; a list of strings on the wire
    CHOICE = "choice"  # str, "" is Tavus's own default
    BOOL = "bool"  # True, False, or None for Tavus's own default
    NUMBER = "number"  # int or float, or None
    JSON = "json"  # str that parses; a list or an object on the wire
    SECRET = "secret"  # noqa: S105 - a word, not a secret: str to set, "" to keep what is stored, None to remove it; never read back
    SECRETS = "secrets"  # the same for an object whose values are secret


@dataclass(frozen=True)
class PersonaField:
    """One field: where it lives in the row, what it is called, and what may be put in it.

    `choices` are the wire's words; `free` allows others to be typed. `words` says them in plain English where they
    need it. `default` is what applies when the field is empty; `needed` says when it can't be. `limit` is the most
    characters, or entries of a list. `aliases` are names of Tavus's newer vocabulary, kept where a row uses them;
    `legacy` are names that Tavus has given up, read and moved to `path` by the next save. `deprecated` says what to use
    instead; such a field is shown only where it is set.
    """

    path: tuple[str, ...]
    label: str
    text: str
    kind: FieldKind = FieldKind.TEXT
    default: str = ""
    doc: str = CREATE
    choices: tuple[str, ...] = ()
    words: tuple[tuple[str, str], ...] = ()
    free: bool = False
    aliases: tuple[tuple[str, ...], ...] = ()
    legacy: tuple[tuple[str, ...], ...] = ()
    deprecated: str = ""
    needed: str = ""
    limit: int = 0
    low: float | None = None
    high: float | None = None
    shape: type = list

    @property
    def key(self) -> str:
        return ".".join(self.path)

    @property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """Every path at which a row may hold it, the best first."""
        return (self.path, *self.aliases, *self.legacy)

    @property
    def help(self) -> str:
        """One sentence in Markdown, what applies when empty, and where Tavus explains it."""
        empty = self.needed or f"Empty: {self.say(self.default)}."
        return f"{self.text} {empty} [Tavus's page]({self.doc})"

    def say(self, choice: str) -> str:
        return dict(self.words).get(choice, choice)


@dataclass(frozen=True)
class Group:
    """Fields that are shown together: a layer, or the knowledge and rules. `word` names it in a change.

    `unset` says what it means that none of them is set, where that is more than each one's default.
    """

    key: str
    label: str
    word: str
    icon: str
    fields: tuple[PersonaField, ...]
    unset: str = ""
