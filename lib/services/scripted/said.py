"""What the persona said so far in a call, and when two texts count as the same."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from lib.services.scripted.hearing import Turns
from lib.services.scripted.words import words

SLOT = re.compile(r"\{(\w+)\}")
_ENDS = re.compile(r"[.!?…。！？؟]+[\"'”’»)]*(?=\s|$)|[。！？؟]")


@lru_cache(maxsize=8192)
def key(text: str) -> str:
    """A text as it counts for "said before": words only, in lower case."""
    return " ".join(words(text)) or text.strip()


@lru_cache(maxsize=8192)
def sentences(text: str) -> int:
    return len(_ENDS.findall(text)) or 1


@lru_cache(maxsize=4096)
def print_of(line: str) -> str:
    """The longest piece of a line without slots: if that was said, the line was used."""
    pieces = [piece.strip(' “”"«»„.,;:?!').lower() for piece in SLOT.split(line)[::2]]
    return max(pieces, key=len)


class Said:
    """The persona's side of the turns."""

    def __init__(self, turns: Turns) -> None:
        self._mine = [text for role, text in turns if role == "assistant"]
        self.last = self._mine[-1] if self._mine else ""
        self.text = "\n".join(self._mine).lower()
        self.whole = {key(text) for text in self._mine}
        self.questions = [frozenset(words(text)) for text in self._mine if "?" in text]

    def has(self, line: str) -> bool:
        """True if this line was used, whatever its slots held."""
        piece = print_of(line)
        return len(piece) > 2 and piece in self.text

    def since(self, lines: Iterable[str]) -> int | None:
        """How many answers ago one of `lines` was said; 0 is the last one. None: never."""
        prints = [print_of(line) for line in lines]
        for ago, text in enumerate(reversed(self._mine)):
            if any(piece in text.lower() for piece in prints):
                return ago
        return None
