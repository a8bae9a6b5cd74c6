"""What somebody said: its kind, its subjects, the sentence of it that can be quoted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from lib.services.chat.scripted.language import LINK
from lib.services.chat.scripted.matching import PLACES, key, pattern, plain, stems, words
from lib.services.chat.scripted.phrasebook import Phrasebook

HEARD_CHARS = 900  # a longer utterance is heard at its beginning and its end, as people do
STATEMENT = "statement"
Turns = Sequence[tuple[str, str]]

_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
_UNQUOTABLE = re.compile(r"[^\w ,.'’%€$£&+!?-]|_|\d{6,}")
_SIGNS = re.compile(r"[{}<>;=$*\\\[\]&|]|(?<!\w)/|/(?!\w)|\w\((?!s\))|(?<!\(s)\)")
_RANDOM = re.compile(r"(.)\1{3}|^(?:asdf|qwer|lorem)|[^aeiouy]{6}|^[^aeiouy]{5,}$")
_GESTURES = {"👍": "yes", "👌": "yes", "✅": "yes", "👎": "no", "👋": "hello", "🙏": "thanks", "¯": "emoji"}


class Utterance(NamedTuple):
    """One utterance. `kind` is that of a cue, or one of those that need no words; `topics` are kinds of lines.

    `word` is what the kind was recognised by, `said` a whole sentence that can be quoted, `user` the other person's
    name; each is "" where there is none. `echo` is true for what was said word for word before.
    """

    kind: str
    asks: bool
    text: str
    word: str
    said: str
    topics: tuple[str, ...]
    about: frozenset[str]
    user: str
    size: int
    echo: bool
    figure: bool


def hear(book: Phrasebook, turns: Turns) -> Utterance:
    """The last thing that was said, seen with what was said before."""
    said = [text for role, text in turns if role == "user"]
    text = " ".join(said[-1].split()) if said else ""
    text = text if len(text) <= HEARD_CHARS else f"{text[: HEARD_CHARS - 250]} {text[-250:]}"
    size = len(words(text))
    kind, word, asks = _kind(book, text, size)
    spaces, topics = bool(book.gap), book.fields("topics").items()
    return Utterance(
        kind="hello" if kind == STATEMENT and size <= 9 and _name(book, text) else kind,
        asks=asks,
        text=text,
        word=word,
        said=_quotable(text) if kind == STATEMENT else "",
        topics=tuple(f"on {name}" for name, listed in topics if pattern(listed, spaces=spaces).search(plain(text))),
        about=stems(text, book.fields("prompt").get("common", ())),
        user=next((name for one in said if (name := _name(book, one))), ""),
        size=size,
        figure=any(map(str.isdigit, text)),
        echo=size > 2 and key(text) in map(key, said[:-1]),
    )


def _kind(book: Phrasebook, text: str, size: int) -> tuple[str, str, bool]:
    """The kind, the words by which it was recognised, and whether it is a question."""
    if odd := _odd(text, size):
        return odd, "", False
    heard, spaces = plain(text), bool(book.gap)
    asked = heard.rstrip(" \"'”»").endswith(("?", "？", "؟"))
    last = (_SENTENCE.findall(heard) or [heard])[-1].strip() if asked else heard
    for cue in book.cues():
        asks = cue.get("asks") == "yes"
        fits = (pattern(cue[one], one, spaces=spaces).search(last if asks else heard) for one in PLACES if one in cue)
        found = next(filter(None, fits), None)
        if found and size <= cue.get("most_words", size) and not pattern(cue.get("unless", ())).search(heard):
            word = re.search(re.escape(found[0].strip(" .,;:!?…")), text, re.I)
            return cue["kind"], word[0] if word else "", asks
    return ("question" if asked else STATEMENT), "", asked


def _odd(text: str, size: int) -> str:
    """What comes without words: silence, a gesture, signs, code, an address, keys hit at random; "" for words."""
    if not text.strip(" .…-–—"):
        return "silence"
    if text[0] in _GESTURES and size < 4:
        return _GESTURES[text[0]]
    if not any(map(str.isalpha, text)):
        pictures = any(unicodedata.category(sign) == "So" for sign in text) or re.fullmatch(r"[:;]-?[()|/]", text)
        return "number" if any(map(str.isdigit, text)) else "emoji" if pictures else "signs"
    if (link := LINK.search(text)) and size <= (12 if link[0].lower().startswith(("http", "www.")) else 3):
        return "link"
    if 0.1 * len(text) <= len(_SIGNS.findall(text)) - text.count(" ("):
        return "code"
    odd = sum(word.isascii() and word.isalpha() and _RANDOM.search(word) is not None for word in words(text))
    return "gibberish" if size <= 4 and odd * 2 > size else ""


def _quotable(text: str) -> str:
    """A whole sentence that is neither long nor a question, without its full stop; "" if there is none."""
    for sentence in map(str.strip, _SENTENCE.findall(text)):
        said = sentence.rstrip(".!。！ ")
        if 3 <= len(words(said)) <= 12 and len(said) <= 70 and not _UNQUOTABLE.search(said) and said[-1] not in "?？":
            return said
    return ""


def _name(book: Phrasebook, text: str) -> str:
    """The name by which somebody introduces themselves, "" if they do not."""
    given = book.fields("prompt")
    introduces = pattern(given.get("introduces", ())).pattern
    found = re.search(rf"(?i:{introduces})\s+([A-ZÀ-Þ][\w'’-]{{1,20}})(?! (?:is|was)\b)", text[:300])
    return found[1] if found and found[1].lower() not in given.get("not_a_name", ()) else ""
