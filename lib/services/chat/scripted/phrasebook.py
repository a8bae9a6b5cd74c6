"""All that the stand-in can say, by language and role. Read when it is needed, once a process."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from lib.services.chat.scripted.files import KINDS, LANGUAGES, LINES, Checked, Line

FOLDER = Path(__file__).parent / "lines"
EVERYONE, ENGLISH = "everyone", "en"
PLAIN = {
    "plain": (Line("I see."), Line("That's good to know."), Line("I follow you.")),
    "agenda": (Line("What matters most to you in this?"), Line("What have you tried so far?")),
    "foreign": (Line("I'm sorry, I can't follow that language; English works well for me."),),
    "round": (Line("We have gone round this {count} times, so let us take one new thing."),),
}
"""What is left where the lines for everyone can't be read."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Phrasebook:
    """The lines of one role in one language: its own, and those for everyone."""

    code: str
    gap: str
    own: Mapping[str, Any]
    common: Mapping[str, Any]

    def cues(self) -> Iterator[Mapping[str, Any]]:
        """What can't wait comes first: somebody in danger is heard in every role."""
        heard = self.common.get("heard", ())
        yield from (cue for cue in heard if cue["kind"] in ("safety", "medical", "inject"))
        yield from (*self.own.get("heard", ()), *heard)

    def then(self, kind: str) -> str:
        return str(self.fields("then").get(kind, ""))

    def fields(self, name: str) -> dict[str, Any]:
        return {**self.common.get(name, {}), **self.own.get(name, {})}

    def pools(self, kind: str) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
        """The role's own lines of a kind, and those for everyone."""
        return self.own.get("lines", {}).get(kind, ()), self.common.get("lines", {}).get(kind, ())

    def lines(self, kind: str) -> tuple[Line, ...]:
        own, common = self.pools(kind)
        return own + common


class Phrasebooks:
    """The files under `root`. What is wrong in one is told in the log and by `check`; the rest of it is used."""

    def __init__(self, root: Path = FOLDER) -> None:
        self._root = root
        self._door = Lock()
        self._files: dict[str, Mapping[str, Any]] = {}
        self._faults: list[str] = []

    @cached_property
    def languages(self) -> Mapping[str, Mapping[str, Any]]:
        """Those with lines and those that are only told apart. English is always there."""
        rows = {ENGLISH: {"name": "English"}, **self._file("languages", LANGUAGES)}
        return {code: {**row, "words": frozenset(row.get("words", "").split())} for code, row in rows.items()}

    def gap(self, code: str) -> str:
        """What stands between two words or sentences."""
        return "" if self.languages.get(code, {}).get("spaces") == "no" else " "

    def whole(self, code: str) -> bool:
        """True for a language that can be answered in."""
        return code == ENGLISH or (code in self.languages and not self._missing(self.everyone(code)))

    def roles(self, code: str) -> dict[str, Mapping[str, Any]]:
        """The roles of a language and their files."""
        names = sorted(path.stem for path in (self._root / code).glob("*.yaml"))
        return {name: self._file(f"{code}/{name}", LINES) for name in names if name != EVERYONE}

    def everyone(self, code: str) -> Mapping[str, Any]:
        """The lines for everyone; of English plain ones at least."""
        found = self._file(f"{code}/{EVERYONE}", LINES)
        return {**found, "lines": {**PLAIN, **found.get("lines", {})}} if code == ENGLISH else found

    def book(self, code: str, role: str) -> Phrasebook:
        """The lines of a whole language; those for everyone where there are none for the role."""
        return Phrasebook(code, self.gap(code), self.roles(code).get(role, {}), self.everyone(code))

    def check(self) -> list[str]:
        """All that is wrong, each with its file. Reads every file."""
        codes = sorted(path.name for path in self._root.iterdir() if path.is_dir() and self.languages)
        return [told for code in codes for told in self._astray(code)] + self._faults

    def _astray(self, code: str) -> Iterator[str]:
        """Kinds that are missing, that have no lines, that nothing leads to: a slip in a name."""
        files = {EVERYONE: self._file(f"{code}/{EVERYONE}", LINES), **self.roles(code)}
        then = {kind for file in files.values() for kind in file.get("then", {}).values()}
        heard = {cue["kind"] for file in files.values() for cue in file.get("heard", ())}
        topics = {f"on {topic}" for file in files.values() for topic in file.get("topics", {})}
        there = {kind for file in files.values() for kind in file.get("lines", {})}
        chosen = {kind for kinds in self._file("kinds", KINDS).values() for kind in kinds}
        yield from (f"lines/{code}: `{kind}` is missing." for kind in self._missing(files[EVERYONE]))
        yield from (f"lines/{code}: `{kind}` has no lines." for kind in sorted((heard | then) - there - chosen))
        for role, file in files.items():
            for kind in sorted(file.get("lines", {}).keys() - chosen - heard - topics - then):
                yield f"lines/{code}/{role}.yaml: nothing under heard, topics or then leads to `{kind}`."

    def _missing(self, file: Mapping[str, Any]) -> list[str]:
        """Kinds without which a language is not whole."""
        return [kind for kind in self._file("kinds", KINDS).get("needed", ()) if not file.get("lines", {}).get(kind)]

    def _file(self, name: str, shape: Mapping[str, Any]) -> Mapping[str, Any]:
        path = self._root / f"{name}.yaml"
        with self._door:
            if name not in self._files and path.is_file():
                checked = Checked(path, self._root, shape)
                self._files[name] = checked.value
                self._faults += checked.faults
                for fault in checked.faults:
                    log.warning("left out of the stand-in's lines: %s", fault)
            return self._files.get(name, {})


@cache
def phrasebooks() -> Phrasebooks:
    """Those that come with Greenroom."""
    return Phrasebooks()
