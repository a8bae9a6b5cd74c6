"""Phrases as people write them into the files of lines, turned into patterns; texts as those patterns expect them."""

from __future__ import annotations

import re
from functools import lru_cache

PLACES = {"anywhere": "(?:{})", "begins": r"(?:^|[.,;:!?…。、！？，]\s*)(?:{})", "only": r"^\W*(?:{})\W*$"}
Phrases = tuple[str, ...]

_WORD = re.compile(r"[^\W_]+(?:['\-][^\W_]+)*")
_GAP = r"[\s,]+"
_ENDINGS = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ied", "ers", "er", "ed", "es", "ly", "s", "e")


def plain(text: str) -> str:
    """In lower case, with plain apostrophes and single spaces."""
    return " ".join(text.lower().replace("’", "'").split())


@lru_cache(maxsize=8192)
def words(text: str) -> Phrases:
    """All words in lower case."""
    return tuple(_WORD.findall(text.lower().replace("’", "'")))


@lru_cache(maxsize=8192)
def key(text: str) -> str:
    """A text as it counts for "said before": its words only."""
    return " ".join(words(text)) or text.strip()


def stems(text: str, common: Phrases) -> frozenset[str]:
    """What a text is about: rough stems, by which "pricing" and "prices" belong together. Never shown to anybody."""
    return frozenset(_stem(word) for word in words(text) if len(word) > 2 and word not in common)


def _stem(word: str) -> str:
    ends = (ending for ending in _ENDINGS if word.endswith(ending) and len(word) - len(ending) >= 3)
    return word[: -len(ending)] if (ending := next(ends, "")) else word


@lru_cache(maxsize=1024)
def pattern(phrases: Phrases, place: str = "anywhere", *, spaces: bool = True) -> re.Pattern[str]:
    """What fits, in text in `plain` form, where one of the phrases stands; nothing does without any.

    `*` is any end of a word, or a whole word if it stands alone; `...` is up to three words. `spaces` is False for
    a language that sets no words apart.
    """
    listed = sorted((_phrase(plain(one), spaces) for one in phrases), key=len, reverse=True)
    return re.compile(PLACES[place].format("|".join(listed) or "(?!)"))


def _token(token: str) -> str:
    """A word of a phrase; its apostrophe may be written in either way."""
    return re.escape(token).replace("'", "['’]").replace(r"\*", r"[\w'-]*") + _GAP


def _phrase(phrase: str, spaces: bool) -> str:
    if not spaces:
        return re.escape(phrase)
    tokens = {"...": r"(?:[\w'-]+\s+){0,3}", "*": rf"[\w'-]+{_GAP}"}
    parts = (tokens.get(one) or _token(one) for one in phrase.split(" "))
    left, right = (r"(?<![\w'])" if phrase[0].isalnum() else ""), (r"(?![\w'])" if phrase[-1].isalnum() else "")
    return left + "".join(parts).removesuffix(_GAP) + right
