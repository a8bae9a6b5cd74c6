"""The first half of an answer: a reaction to what was just said."""

from __future__ import annotations

import re
from collections.abc import Callable

from lib.services.scripted.choosing import Chooser
from lib.services.scripted.lines import COMMON
from lib.services.scripted.words import HEDGES, content, strong, these, words

_SUBJECTS = {
    "buyer": "discount trial price security rivals contract integration service next people time proof",
    "guide": "discount trial price security rivals contract integration next people time proof",
    "support": "login billing order contract broken service",
    "coach": "nerves price rivals conflict next",
    "interviewer": "salary nerves weakness strength conflict people",
    "upset": "billing order broken",
}
_PLAIN = these(
    """
    inject bot insult silence gibberish pardon hello else howareyou smalltalk thanks compliment sorry yes no unsure bye
    decline code link emoji signs script bare smalltalk_question clock personal trivia trick can maker check laugh hmm
    bored help wishes
    """
)
_AMENDS = re.compile(
    r"\b(?:refund\w*|replac\w*|compensat\w*|personally|right away|immediately|call you back|in writing|free of charge"
    r"|today|voucher)\b",
    re.I,
)
_SAY_IT = re.compile(r"\b(?:say|sentence|words|ask me|open it|answer|half|again|once more)\b", re.I)
_I = re.compile(r"\b(?:i|my)\b", re.I)
_WE = re.compile(r"\bwe\b", re.I)
_MONEY = re.compile(r"[€$£]|euro|dollar|pound", re.I)
_ALIKE = tuple(
    frozenset(content(group))
    for group in (
        "team staff employees colleagues crew",
        "price cost budget fee charge",
        "tool system software platform solution",
        "company firm business organisation employer",
        "customer client buyer",
        "opening hours schedule",
        "address location office",
        "problem issue trouble",
        "boss manager director supervisor",
        "contract agreement subscription",
        "job position profession",
    )
)


def reaction(one: Chooser) -> str:
    """One or two sentences, "" if nothing is left to say."""
    kind = one.heard.kind
    if kind == "safety":
        return one.pick("safety") or COMMON["safety"][0]
    if one.heard.echo and kind != "bye":
        return one.pick("echo")
    if kind in _PLAIN:
        return one.pick(kind)
    if kind in _SPECIAL:
        return _SPECIAL[kind](one)
    return _answer(one) if one.heard.asks else _comment(one)


def judge(one: Chooser, text: str, family: str) -> str:
    """One unused remark on what can be counted in what the other person said: length, figures, questions, hedges."""
    if not text:
        return ""
    size = len(words(text))
    hedges = list(dict.fromkeys(found.lower() for found in HEDGES.findall(text)))
    remarks: list[str] = []
    if size > 40:
        remarks.append(f"That took {size} words, and the first twenty did the work.")
    if len(hedges) > 1:
        remarks.append(f"You said “{hedges[0]}” and “{hedges[1]}”, and both make you smaller.")
    elif hedges:
        remarks.append(f"You said “{hedges[0]}”, and it makes you smaller than you are.")
    if family == "coach" and "?" not in text:
        remarks.append("There was no question in it, so the other side could only listen.")
    if family == "interviewer" and len(_WE.findall(text)) > len(_I.findall(text)):
        remarks.append("You spoke of “we” more than of yourself, and I would have liked to know your own part.")
    if re.search(r"\d", text):
        remarks.append("The figure you gave was the best part, because one can repeat it.")
    else:
        remarks.append("I missed one figure in it that I could repeat to somebody else.")
    if size < 12:
        remarks.append(f"{size} words are easy to listen to, and not quite enough to go on.")
    return next((remark for remark in remarks if remark.lower() not in one.said.text), "")


def spoken(one: Chooser, *, before: bool) -> str:
    """The last thing of some length that the other person said; `before` leaves the newest utterance out."""
    turns = one.turns[:-1] if before else one.turns
    return next((text for role, text in reversed(turns) if role == "user" and len(text.split()) > 4), "")


def _own_name(one: Chooser) -> str:
    if one.part.name:
        return (one.pick("name") if one.part.role else "") or one.pick("name_only")
    return (one.pick("role") if one.part.role else "") or one.pick("no_name")


def _own_role(one: Chooser) -> str:
    if not one.part.role:
        return one.pick("no_name")
    known = not one.part.name or one.part.name.lower() in one.said.text
    return ("" if known else one.pick("name")) or one.pick("role")


def _own_aim(one: Chooser) -> str:
    for aim in one.part.aims:
        if aim.lower() not in one.said.text and (found := one.fresh(one.pool("aim"), aim=aim)):
            return found
    return one.pick("what")


def _feedback(one: Chooser) -> str:
    return judge(one, spoken(one, before=True), one.part.family) or one.pick("feedback") or one.pick("plain")


def _play(one: Chooser) -> str:
    return one.fresh(one.lines.get("play", ()), in_order=True) or one.pick("yes")


def _opinion(one: Chooser) -> str:
    return _fact(one, content(one.heard.text)) or one.pick("opinion")


def _answer(one: Chooser) -> str:
    """To a question: what the prompt knows, what it keeps back, what the family says to the subject, or a shrug."""
    about = _wider(content(one.heard.text) | ({"cost"} if "how much" in one.heard.text.lower() else set()))
    if about & one.part.secrets and (secret := one.pick("secret")):
        return secret
    if found := _fact(one, about) or _subject(one):
        return found
    if about & one.part.honest and (honest := one.pick("honest")):
        return honest
    return one.pick(one.heard.kind) or one.pick("unknown") or one.pick("do")


def _fact(one: Chooser, about: set[str]) -> str:
    """The persona's own sentence that shares most with the question."""
    best, score = "", 0
    for fact in one.part.facts:
        shared = about & fact.about
        weight = sum(min(len(stem), 8) for stem in shared) + (4 if len(shared) > 1 else 0)
        if weight > score and fact.said.lower()[:60] not in one.said.text:
            best, score = fact.said, weight
    return best if score >= 4 else ""


def _subject(one: Chooser) -> str:
    for name in _SUBJECTS.get(one.part.family, "").split():
        if name in one.heard.subjects and (found := one.fresh(one.lines.get(f"topic:{name}", ()))):
            return found
    return ""


def _comment(one: Chooser) -> str:
    """To a statement: its weak spot or its strong one, its subject, or simply its own words."""
    for kind in _remarks(one):
        if found := one.pick(kind):
            return found
    if (one.seed % 5 or one.part.family != "buyer") and (found := _subject(one)):
        return found
    if one.heard.size <= 3 and not one.heard.number and (found := one.pick("short")):
        return found
    first, second = ("picked", "plain") if strong(one.heard.topic) and one.seed % 5 else ("plain", "picked")
    return one.pick(first) or one.pick(second)


def _remarks(one: Chooser) -> list[str]:
    heard, family = one.heard, one.part.family
    found: list[str] = []
    if heard.buzz:
        found.append("buzz")
    if family == "interviewer" and _WE.search(heard.text) and not _I.search(heard.text):
        found.append("we")
    if (family == "upset" and _AMENDS.search(heard.text)) or (heard.number and heard.size > 12 and one.seed % 2):
        found.append("solid")
    if heard.number and not _MONEY.search(heard.number) and one.seed % 4:
        found.append("number")
    if family == "coach" and heard.size > 4 and _SAY_IT.search(one.said.last):
        found.append("spoken")
    if heard.size > 60:
        found.append("long")
    return found


def _wider(stems: set[str]) -> set[str]:
    """The stems with a few that mean the same, so that "staff" finds the team."""
    return stems | {other for group in _ALIKE if stems & group for other in group}


def _first(*kinds: str) -> Callable[[Chooser], str]:
    """A reaction of the first of these kinds that has a line left."""
    return lambda one: next((found for kind in kinds if (found := one.pick(kind))), "")


_SPECIAL: dict[str, Callable[[Chooser], str]] = {
    "offer": _first("hello"),
    "medical": _first("medical", "plain"),
    "solved": _first("solved", "yes"),
    "unsolved": _first("unsolved", "no"),
    "opinion": _opinion,
    "name": _own_name,
    "role": _own_role,
    "aim": _own_aim,
    "feedback": _feedback,
    "play": _play,
}
