"""One file of lines, read and checked: what is wrong in it is left out and told with its line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lib.services.chat.scripted.matching import PLACES, Phrases

SLOT = re.compile(r"\{(\w*)\}")
ENDS = re.compile(r"[.!?…؟]+[\"'”’»“)]*(?=\s|$)|[。！？]")  # the end of a sentence
QUOTED = ("role", "fact", "question", "said", "word")
SLOTS = (*QUOTED, "user", "name", "count", "language")
_QUOTED_SLOT = re.compile(r"[“„]\{\w+\}[”“]|«\s?\{\w+\}\s?»|「\{\w+\}」")
_LAST = re.compile(r"[.!?…。！？”“»」]$")


class Line(NamedTuple):
    """A line with its slots, and words that the other person must not have said for it to be used."""

    text: str
    unless: Phrases = ()


def text(value: Any) -> str:
    """What is wrong with a text; "" if nothing is, here as in all that follow."""
    return "" if isinstance(value, str) and value.strip() else "A text is wanted here: put double quotes around it."


def number(value: Any) -> str:
    return "" if isinstance(value, int) and value > 0 else "A whole number above 0 is wanted here."


def line(value: Any) -> str:
    if text(value):
        return text(value)
    rest, loose = SLOT.sub("", value), SLOT.findall(_QUOTED_SLOT.sub("", value))
    if strange := [slot for slot in SLOT.findall(value) if slot not in SLOTS]:
        return f"{{{strange[0]}}} is not known{_meant(strange[0], SLOTS)}."
    if bare := [slot for slot in loose if slot in QUOTED]:
        return f"{{{bare[0]}}} needs quotation marks, as “{{{bare[0]}}}”: it is quoted as it is."
    wrong = {
        "A curly bracket is left open here.": "{" in rest or "}" in rest,
        "A line may hold one question.": rest.count("?") + rest.count("？") > 1,
        "A line may hold two sentences.": len(ENDS.findall(value)) > 2,
        "A line ends with a full stop, a question mark or a quotation mark.": not _LAST.search(value),
    }
    return next((told for told, so in wrong.items() if so), "")


ANY = ""  # any name of a field
TEXTS = [text]
_FORMS = {"one": text, "more": text}
_UNREAD = ("document", "document_tag", "rule", "rule_tag", "rule_set", "objectives", "tool")
LINES: dict[str, Any] = {
    "called": TEXTS,
    "heard": [{"kind": text, **dict.fromkeys((*PLACES, "unless"), TEXTS), "most_words": number, "asks": text}],
    "topics": {ANY: TEXTS},
    "then": {ANY: text},
    "scene": {"role": text, "answers": number},
    "prompt": {ANY: TEXTS},
    "unread": {"sentence": text, "and": text, **dict.fromkeys(_UNREAD, _FORMS)},
    "lines": {ANY: [{"line": line, "unless": TEXTS}]},
}
"""What a file of lines may hold. A line may stand by itself in the place of its fields."""

KINDS: dict[str, Any] = {"needed": {ANY: text}, "chosen": {ANY: text}}
LANGUAGE = dict.fromkeys(("name", "words", "letters", "strangers", "greeting", "only", "spaces"), text)
LANGUAGES: dict[str, Any] = {ANY: {**LANGUAGE, "script": TEXTS}}

_NEEDED = ("kind", "line", "role", "answers", "sentence", "and", "one", "more")


class Checked:
    """A file without what is wrong in it: `value`. That is told in `faults`, each with file and line."""

    def __init__(self, path: Path, root: Path, shape: Mapping[str, Any]) -> None:
        # Imported here: PyYAML is not needed before the first answer.
        from lib import yaml_text

        self.faults: list[str] = []
        self.value: dict[str, Any] = {}
        self._file = path.relative_to(root.parent).as_posix()
        self._lines: Mapping[tuple[str, ...], int] = {}
        try:
            read = yaml_text.read(path.read_bytes(), begin=next(iter(shape)) or "en")
            self._lines = read.lines
            self.value = self._fields(read.value, shape, ())
        except OSError as error:
            self._fault((), f"The file can't be read: {error.strerror or error}.")
        except yaml_text.YamlWrong as error:
            self._fault((), str(error), error.line)

    def _fault(self, at: tuple[str, ...], message: str, number: int = 0) -> None:
        nearest = next((self._lines[at[:end]] for end in range(len(at), 0, -1) if at[:end] in self._lines), 1)
        self.faults.append(f"{self._file} line {number or nearest}: {message}")

    def _clean(self, value: Any, shape: Any, at: tuple[str, ...]) -> Any:
        """`value` without what is wrong in it; None if it is wrong as a whole."""
        if isinstance(shape, Mapping) and (isinstance(value, Mapping) or "line" in shape):
            return self._fields(value if isinstance(value, Mapping) else {"line": value}, shape, at)
        if isinstance(shape, list) and isinstance(value, list):
            every = [self._clean(one, shape[0], (*at, str(i))) for i, one in enumerate(value)]
            for i, one in enumerate(every):
                if isinstance(one, Line) and one in every[:i]:
                    self._fault((*at, str(i)), "This line stands here twice.")
            return tuple(one for i, one in enumerate(every) if one is not None and one not in every[:i])
        kinds: dict[Any, str] = {
            list: "A list must stand here: [one, two].",
            dict: "Fields must stand here, each as `name: ...`.",
        }
        if wrong := kinds.get(type(shape)) or shape(value):
            self._fault(at, wrong)
        return None if wrong else value

    def _fields(self, value: Mapping[str, Any], shape: Mapping[str, Any], at: tuple[str, ...]) -> Any:
        found: dict[str, Any] = {}
        for name, one in value.items():
            if name not in shape and ANY not in shape:
                self._fault((*at, name), f"`{name}` is not known here{_meant(name, shape)}.")
            elif (clean := self._clean(one, shape.get(name, shape.get(ANY)), (*at, name))) is not None:
                found[name] = clean
        needed = [name for name in _NEEDED if name in shape and name not in found]
        if missing := [name for name in needed if name not in value]:
            self._fault(at, f"`{missing[0]}` is missing here.")
        if needed:
            return None
        return Line(found["line"], found.get("unless", ())) if "line" in shape else found


def _meant(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.6)
    return f"; `{near[0]}` is" if near else ""
