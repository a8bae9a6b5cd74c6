"""Which line to take: one that fits, that was not used yet, and that asks nothing that was answered before."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

from lib.services.scripted import lines_people, lines_trade
from lib.services.scripted.hearing import Heard, Turns
from lib.services.scripted.lines import COMMON, Lines
from lib.services.scripted.prompt import Part
from lib.services.scripted.said import SLOT, Said, key
from lib.services.scripted.words import words

FAMILY_LINES: dict[str, Lines] = {
    "buyer": lines_trade.BUYER,
    "guide": lines_trade.GUIDE,
    "support": lines_trade.SUPPORT,
    "coach": lines_people.COACH,
    "interviewer": lines_people.INTERVIEWER,
    "tutor": lines_people.TUTOR,
    "upset": lines_people.UPSET,
    "partner": {},
}
# Lines for a second time come after the others.
_LATER = re.compile(r"(?:Still|Hello again|Welcome back|Good to see you back|As I said|Once more)\b")
# What need not be asked, because the other person has told it already: our question, their words.
_TOLD = tuple(
    (re.compile(asked), re.compile(rf"\b(?:{told})\b", re.I))
    for asked, told in (
        (r"^Since when|When did this begin", r"since|yesterday|ago|last (?:week|night|month)|this morning"),
        (
            r"Which device and",
            r"chrome|firefox|safari|edge|iphone|ipad|android|windows|mac(?:book)?|laptop|phone|tablet",
        ),
        (r"already tried|have you tried", r"tried|restarted|reset|reinstalled|cleared"),
        (r"exact wording|see on the screen", r"error|says|message|invalid|blank"),
        (r"What do you use", r"we (?:currently |now )?(?:use|have|work with)"),
        (r"How often", r"daily|weekly|monthly|times? a|every (?:day|week|month)|twice|once a"),
        (r"decide|has a say", r"boss|manager|director|decides?|my team"),
        (r"date by which|By when", r"deadline|by (?:monday|friday|the end|next|march|june)|until"),
        (
            r"[Ww]hich position",
            r"manager|developer|engineer|designer|analyst|nurse|teacher|assistant|position|consultant",
        ),
        (r"about yourself", r"years|studied|worked|background|experience|degree"),
        (r"of our size", r"gmbh|ltd|inc|logistics|ag|customer (?:called|named|in)|like [A-Z]\w+"),
    )
)


class Chooser:
    """The lines of one part, seen from one moment of one call."""

    def __init__(self, part: Part, heard: Heard, turns: Turns) -> None:
        self.part, self.heard, self.turns = part, heard, turns
        self.said = Said(turns)
        self.lines = FAMILY_LINES[part.family]
        self.count = sum(role == "user" for role, _ in turns)
        self.seed = zlib.crc32(f"{self.count}|{heard.text}".encode("utf-8", "replace"))
        self._told = "\n".join(text for role, text in turns if role == "user")[-6000:]
        self._slots = {
            "topic": heard.topic,
            "earlier": heard.earlier,
            "number": heard.number,
            "buzz": heard.buzz,
            "name": part.name,
            "role": part.role,
            "user": heard.user or part.other,
        }

    def fill(self, line: str, **more: str) -> str:
        """The line with its slots filled, "" if one of them has nothing to hold."""
        slots = {**self._slots, **more}
        if any(not slots.get(name) for name in SLOT.findall(line)):
            return ""
        return SLOT.sub(lambda found: slots[found[1]], line)

    def fresh(self, pool: Sequence[str], *, in_order: bool = False, **more: str) -> str:
        """A line of the pool that was not used yet, "" if there is none."""
        begin = 0 if in_order or not pool else self.seed % len(pool)
        for line in sorted((*pool[begin:], *pool[:begin]), key=lambda line: _LATER.match(line) is not None):
            if self.said.has(line) or self._odd(line) or self._settled(line):
                continue
            if (filled := self.fill(line, **more)) and key(filled) not in self.said.whole:
                return filled
        return ""

    def pool(self, kind: str) -> tuple[str, ...]:
        """The family's lines of this kind, else those that fit any part."""
        return self.lines.get(kind) or COMMON.get(kind, ())

    def pick(self, kind: str) -> str:
        """An unused line: of the family if it has one left, else of those for everyone."""
        return self.fresh(self.lines.get(kind, ())) or self.fresh(COMMON.get(kind, ()))

    def _odd(self, line: str) -> bool:
        """A finance director does not ask how to convince the finance director."""
        return "finance" in line and "financ" in self.part.role

    def _settled(self, line: str) -> bool:
        """True for a question that was asked in other words, or answered before it was asked."""
        if not line.endswith("?"):
            return False
        asked = set(words(line))
        if len(asked) > 4 and any(len(asked & earlier) >= 0.8 * len(asked) for earlier in self.said.questions):
            return True
        return any(what.search(line) and told.search(self._told) for what, told in _TOLD)
