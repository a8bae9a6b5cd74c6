"""Text as words to search by: one way for both databases, so that they find the same.

Words are letters, marks and digits, in no case and without the accents of Latin, Greek, Cyrillic, Hebrew and Arabic.
Scripts that put no blanks between words (Chinese, Japanese, Thai, ...) become overlapping pairs of signs, so that any
part of a run is found: 日本語 is 日本, 本語 and a last 語. An emoji is a word of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from lib.store.schema import storable

WORD_LIMIT = 64
WORDS_LIMIT = 16_000
"""Words of one session that are searched, about two hours of speech: PostgreSQL counts positions up to 16,383."""
BYTES_LIMIT = 500_000
"""Bytes of one session that are searched: PostgreSQL keeps 1 MB of them."""
TERMS_LIMIT = 32

_PLAIN = re.compile(r"[a-z0-9]+")
_ACCENTED_END = 0x0700
_UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3005, 0x3007), (0x3040, 0x312F), (0x31A0, 0x31FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x1B000, 0x1B16F), (0x20000, 0x3FFFF),
)  # fmt: skip
_QUOTED = re.compile(r"[\"“”„«»「」『』]([^\"“”„«»「」『』]*)(?:[\"“”„«»「」『』]|$)")


@dataclass(frozen=True)
class Term:
    """Words that stand one after the other. `begins`: the last of them may go on. `exact`: it stood in quotes."""

    words: tuple[str, ...]
    begins: bool = False
    exact: bool = False


def document(parts: Iterable[str]) -> list[str]:
    """The words of a session: its parts (names, turns) in order, an empty word between two of them."""
    found: list[str] = []
    size = 0
    for part in parts:
        if found:
            found.append("")
        for word in _words(part, whole=True):
            size += len(word.encode())
            if len(found) >= WORDS_LIMIT or size > BYTES_LIMIT:
                return found
            found.append(word)
    return found


def terms(query: str) -> list[Term]:
    """What is searched for: each word, each "phrase in quotes", each beginn*. Empty where no word is in the text."""
    found: list[Term] = []
    at = 0
    for quoted in _QUOTED.finditer(query):
        found += _bare(query[at : quoted.start()])
        found += _term(quoted[1], exact=True)
        at = quoted.end()
    found += _bare(query[at:])
    return list(dict.fromkeys(found))[:TERMS_LIMIT]


def loosened(exact: list[Term]) -> list[Term]:
    """The terms `exact`, each finding also longer words that begin with it; but for what stood in quotes."""
    return [term if term.exact or len(term.words[-1]) < 2 else replace(term, begins=True) for term in exact]


def holds(text: str, wanted: Sequence[Term]) -> bool:
    """Whether one of the terms is in the text."""
    words = list(_words(text, whole=True))
    return any(_stands(words, term) for term in wanted)


def _stands(words: Sequence[str], term: Term) -> bool:
    *whole, last = term.words
    for at in range(len(words) - len(whole)):
        there = words[at + len(whole)]
        if (there.startswith(last) if term.begins else there == last) and list(words[at : at + len(whole)]) == whole:
            return True
    return False


def _bare(text: str) -> Iterator[Term]:
    for chunk in text.split():
        yield from _term(chunk, begins=chunk.endswith("*"))


def _term(text: str, *, begins: bool = False, exact: bool = False) -> Iterator[Term]:
    words = tuple(_words(text, whole=False))[:TERMS_LIMIT]
    if words:
        yield Term(words, begins or (len(words[-1]) == 1 and _unspaced(words[-1])), exact)


def _words(text: str, *, whole: bool) -> Iterator[str]:
    """The words of a text as it is kept; of a run of signs at its end the last single one only if it is `whole`."""
    text = storable(text)
    if text.isascii():
        yield from (word[:WORD_LIMIT] for word in _PLAIN.findall(text.lower()))
        return
    runs = list(_runs(_folded(text)))
    for place, (kind, run) in enumerate(runs):
        if kind == "word":
            yield run[:WORD_LIMIT]
        elif kind == "sign":
            yield run
        else:
            yield from (run[at : at + 2] for at in range(len(run) - 1))
            if whole or len(run) == 1 or place + 1 < len(runs):
                yield run[-1]


def _folded(text: str) -> str:
    kept: list[str] = []
    base = 0
    for char in unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()):
        if unicodedata.category(char) != "Mn":
            base = ord(char)
        elif base < _ACCENTED_END:
            continue
        kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept))


def _runs(text: str) -> Iterator[tuple[str, str]]:
    """Neighbours of one kind together; an emoji stands alone."""
    run, kind = "", ""
    for char in text:
        now = _kind(char)
        if run and (now != kind or kind == "sign"):
            yield kind, run
            run = ""
        if now:
            run += char
        kind = now
    if run:
        yield kind, run


@lru_cache(maxsize=8192)
def _kind(char: str) -> str:
    """`word`, `run` (of a script without blanks), `sign`, or "" for what parts words."""
    if _unspaced(char):
        return "run"
    category = unicodedata.category(char)
    if category[0] in "LMN":
        # A variation selector picks the looks of the emoji before it and is no word.
        return "" if "\ufe00" <= char <= "\ufe0f" else "word"
    return "sign" if category == "So" else ""


def _unspaced(char: str) -> bool:
    code = ord(char)
    return code >= _UNSPACED[0][0] and any(first <= code <= last for first, last in _UNSPACED)
