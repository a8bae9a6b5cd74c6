"""The second half of an answer: one step on, usually a question."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lib.services.scripted.choosing import Chooser
from lib.services.scripted.lines import COMMON
from lib.services.scripted.said import print_of
from lib.services.scripted.words import content, strong, words

_FOLLOWS_UP = ("interviewer", "buyer", "tutor", "upset")
_HAS_A_STAKE = ("buyer", "upset", "partner")
_OWN = re.compile(r"(?:I (?!am\b|was\b)|My|Our|We)\b")


def step(one: Chooser) -> str:
    """What the prompt wants to be asked, what the family asks next, or a question to what was said; "" at the end."""
    kind, family = one.heard.kind, one.part.family
    if kind in ("bye", "decline", "else"):
        return ""
    if kind in ("silence", "gibberish", "code", "emoji", "signs", "bare", "hmm"):
        return one.pick("go")
    at_once = {
        ("support", "unsolved"): "steps",
        ("support", "solved"): "close",
        ("coach", "feedback"): "again",
    }.get((family, kind), "")
    if at_once and (found := one.fresh(one.lines[at_once], in_order=True)):
        return found
    if kind == "statement" and _general(one) and (found := _probe(one)):
        return found
    return next((source for source in _sources(one) if source), "")


def _general(one: Chooser) -> bool:
    """A general answer to one of our questions, that was not followed up yet."""
    last = one.said.last
    if one.part.family not in _FOLLOWS_UP or one.count < 3 or not last.endswith("?") or "about yourself" in last:
        return False
    probes = [*COMMON["probe"], *(line for kind, lines in one.lines.items() if "probe" in kind for line in lines)]
    if one.heard.number or one.heard.size >= 28 or any(last.lower().endswith(f"{print_of(line)}?") for line in probes):
        return False
    return one.seed % 3 > 0 or one.part.family == "interviewer"


def _probe(one: Chooser) -> str:
    """The follow-up that fits: for the own part, for the result, else for an example."""
    listed = words(one.heard.text)
    fitting = ""
    if not {"i", "i've", "i'm", "my"} & set(listed):
        fitting = "we_probe" if "we" in listed else "probe_self"
    elif len(listed) >= 8:
        fitting = "probe_result"
    return one.fresh(one.lines.get(fitting, ()), in_order=True) or one.pick("probe")


def _sources(one: Chooser) -> Iterator[str]:
    """Where a next step may come from, best first. The order is that of a conversation: open, ask, go deeper, close."""
    count, family = one.count, one.part.family
    if count <= 1:
        yield _wish(one)
        yield _unlike_greeting(one, one.fresh(one.pool("open"), in_order=True))
    if count >= 12 and count % 6 == 0:
        yield one.fresh(one.pool("close"), in_order=True)
    if family == "support" and count > 4 and count % 2 and not one.heard.asks:
        yield one.fresh(one.lines["steps"], in_order=True)
    if count % 4 == 3 and not one.heard.asks:
        yield _volunteer(one)
        yield _deepen(one) if family in ("partner", "guide") and " " in one.heard.topic else ""
    if count % 2 == 0 or count > 6:
        yield _wish(one)
    yield one.fresh(one.pool("agenda"), in_order=True)
    yield _wish(one)
    yield _deepen(one)
    yield one.pick("probe")
    yield one.pick("close")
    yield _volunteer(one)
    yield one.fresh(COMMON["agenda"]) if family != "support" else ""


def _wish(one: Chooser) -> str:
    """The next thing that the prompt wants to be asked."""
    return next((ask for ask in one.part.asks if ask.lower() not in one.said.text), "")


def _unlike_greeting(one: Chooser, line: str) -> str:
    """Not what the greeting has asked already."""
    return "" if len(content(line) & content(one.said.last)) > 1 else line


def _deepen(one: Chooser) -> str:
    """A question that turns the other person's own words over."""
    fits = one.heard.kind == "statement" and one.heard.size > 3 and strong(one.heard.topic)
    return one.fresh(COMMON["deepen"]) if fits and one.part.family != "support" else ""


def _volunteer(one: Chooser) -> str:
    """A fact of the persona's own, told unasked by those who have something at stake."""
    if one.part.family not in _HAS_A_STAKE:
        return ""
    for fact in one.part.facts:
        if fact.said.lower() not in one.said.text and _OWN.match(fact.said):
            said = fact.said if fact.said.startswith("I ") else fact.said[0].lower() + fact.said[1:]
            if found := one.fresh(COMMON["fact"], fact=said):
                return found
    return ""
