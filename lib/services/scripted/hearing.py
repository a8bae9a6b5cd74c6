"""What the other person just said: what kind of utterance, about what, with which figure, and what is worth quoting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lib.services.scripted import oddities
from lib.services.scripted import utterances as says
from lib.services.scripted.words import BUZZ, NUMBER, STOP, phrase, these, words

HEARD_CHARS = 900
"""A longer utterance is heard at its beginning and its end, as people do."""

QUESTIONS = ("what", "amount", "how", "why", "who", "when", "where", "do")

Turns = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Heard:
    """One utterance. `kind` is one of `utterances.KINDS`, `lines_odd.ODD` or `QUESTIONS`, or silence, gibberish,
    hello, thanks, yes, no, statement.

    `topic` is a phrase of it, `earlier` one from some turns ago; `number`, `buzz` and `user` (the other person's
    name) are "" where there is none. `subjects` are keys of `lines.TOPICS`, `size` counts words, `echo` is true for
    what was said word for word before.
    """

    kind: str
    text: str
    topic: str
    earlier: str
    number: str
    buzz: str
    user: str
    subjects: tuple[str, ...]
    size: int
    echo: bool

    @property
    def asks(self) -> bool:
        return self.kind in QUESTIONS


_NOT_A_NAME = these(
    """
    a an the not just from here sorry happy glad interested sure afraid looking calling going it that what german
    english french american british european ceo cto hr
    """
)


def hear(turns: Turns) -> Heard:
    """The last turn, seen with those before it."""
    said = [text for role, text in turns if role == "user"]
    mine = "\n".join(text for role, text in turns if role == "assistant").lower()
    text = " ".join(said[-1].split()) if said else ""
    text = text if len(text) <= HEARD_CHARS else f"{text[: HEARD_CHARS - 250]} {text[-250:]}"
    core = _core(text)
    listed = words(core)
    topic = phrase(core, avoid=mine) or phrase(text, avoid=mine)
    number = NUMBER.search(core)
    buzz = BUZZ.search(core)
    return Heard(
        kind=_kind(text, core, mine.rpartition("\n")[2]),
        text=core,
        topic=topic,
        earlier=_earlier(said, topic, mine),
        number=number.group().strip() if number and len(number.group()) <= 24 else "",
        buzz=buzz.group().lower() if buzz else "",
        user=_user(said),
        subjects=tuple(name for name, pattern in says.SUBJECTS.items() if pattern.search(core)),
        size=len(listed),
        echo=len(listed) > 2 and words(text) in (words(one) for one in said[:-1]),
    )


def _core(text: str) -> str:
    """The utterance without a greeting, thanks or a filler in front, if there is more behind it."""
    core = text.replace("’", "'").strip()
    for _ in range(4):
        shorter = says.LEAD.sub("", core, count=1).strip()
        if shorter == core or len(words(shorter)) < 3:
            break
        core = shorter
    return core


def _kind(text: str, core: str, asked: str) -> str:
    listed = words(core)
    if not words(text):
        return oddities.wordless(text)
    said = [kind for kind, most, pattern in says.KINDS if len(listed) <= most and pattern.search(core)]
    if said and said[0] in says.GRAVE:
        return said[0]
    if odd := oddities.kind(text, core, listed, asked):
        return odd
    if _nonsense(listed):
        return "gibberish"
    if said:
        questioned = said[0] == "smalltalk" and _question(core, listed)
        return "smalltalk_question" if questioned else said[0]
    return _short(core, listed) or _question(core, listed) or "statement"


def _short(core: str, listed: Sequence[str]) -> str:
    introduced = len(listed) <= 9 and "?" not in core and _user([core])
    if introduced or (len(listed) <= 5 and says.HELLO.match(core)):
        return "hello"
    if len(listed) <= 6 and says.THANKS.match(core):
        return "thanks"
    if len(listed) <= 4 and says.NO.match(core):
        return "no"
    if len(listed) <= 4 and says.YES.match(core) and ("?" not in core or len(listed) == 1):
        return "yes"
    return ""


def _question(core: str, listed: Sequence[str]) -> str:
    word = _question_word(core, listed)
    return "amount" if word in ("how", "what") and says.AMOUNT.search(core) else word


def _question_word(core: str, listed: Sequence[str]) -> str:
    if embedded := says.EMBEDDED.match(core):
        word = (embedded["word"] or "what").lower()
        return {"which": "what", "if": "do", "whether": "do"}.get(word, word)
    asked = core.rstrip().endswith("?")
    tail = re.split(r"(?<=[.!])\s+", core.rstrip())[-1] if asked else core
    first = says.QUESTION_WORD.match(tail)
    if first or asked:
        found = first or says.QUESTION_WORD.search(tail)
        if found is None or (not first and says.DO.match(tail)):
            return "do"
        word = found.group(1).lower()
        return {"which": "what", "whom": "who", "whose": "who"}.get(word, word)
    turned = len(listed) >= 3 and listed[1] in ("you", "i", "we", "it", "there", "they", "this", "that")
    return "do" if turned and says.DO.match(core) else ""


def _nonsense(listed: Sequence[str]) -> bool:
    """No words, as far as one can tell: keys hit at random, the same letter again and again."""
    if not listed or len(listed) > 4 or any(word in STOP for word in listed):
        return False
    if any(not word.isascii() or any(c.isdigit() for c in word) for word in listed):
        return False
    return sum(_odd(word) for word in listed) >= max(1, (len(listed) + 1) // 2)


def _odd(word: str) -> bool:
    if word in ("asdf", "qwerty", "asdfgh", "lorem", "blah"):
        return True
    if re.search(r"(.)\1{3}|[^aeiouy']{6}|^[^aeiouy']{4,}$", word):
        return True
    return len(word) > 6 and sum(c in "aeiouy" for c in word) < 0.2 * len(word)


def _user(said: Sequence[str]) -> str:
    for text in said:
        if found := says.USER.search(text[:300]):
            name = (found["sure"] or found["low"] or found["maybe"]).strip("'’-")
            if name.lower() not in _NOT_A_NAME and name.lower() not in STOP and len(name) > 1:
                return name[0].upper() + name[1:]
    return ""


def _earlier(said: Sequence[str], topic: str, mine: str) -> str:
    for text in reversed(said[-16:-2]):
        found = phrase(text, avoid=mine) if len(text.split()) > 3 else ""
        if found and found.lower() != topic.lower() and f"“{found.lower()}”" not in mine:
            return found
    return ""
