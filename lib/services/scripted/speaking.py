"""The answer in English: a reaction to what was said and one step on.

Nothing is remembered between two answers: what was used is read from the turns themselves, so the same input always
gives the same output, whoever asks and however often.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from lib.services.scripted.choosing import FAMILY_LINES, Chooser
from lib.services.scripted.hearing import Heard, Turns
from lib.services.scripted.lines import COMMON
from lib.services.scripted.lines_people import COACH
from lib.services.scripted.prompt import Part
from lib.services.scripted.reacting import judge, reaction, spoken
from lib.services.scripted.said import key, sentences
from lib.services.scripted.stepping import step

_SCENE_ANSWERS = 3
_OUT_OF_SCENE = ("play", "feedback", "bye", "safety", "medical", "bot", "inject", "name", "role", "aim", "unsure")


def answer(part: Part, heard: Heard, turns: Turns) -> str:
    """The next answer: at most two sentences and one question, never the same twice in a call."""
    one = Chooser(part, _in_place(part, heard, turns), turns)
    played = _scene(one)
    if played is not None and played >= _SCENE_ANSWERS:
        first, second = _stop_scene(one)
    else:
        if played is not None:
            one = _as_customer(one)
        first, second = _halves(one)
    said = " ".join(half for half in (first, second) if half)
    return said if said and key(said) not in one.said.whole else _last_resort(one)


def _halves(one: Chooser) -> tuple[str, str]:
    first = reaction(one)
    alone = one.heard.kind == "safety" or first.endswith("?") or sentences(first or ".") > 1
    second = "" if alone else step(one)
    if sentences(second or ".") > 1:
        first = ""
    if one.part.terse and first and second:
        return (first, "") if one.heard.asks else ("", second)
    return first, second


def _in_place(part: Part, heard: Heard, turns: Turns) -> Heard:
    """The same utterance as it counts here: "no" to "anything else?" is a goodbye, "yes" to a scene begins it."""
    last = next((text for role, text in reversed(turns) if role == "assistant"), "")
    if heard.kind == "no" and re.search(r"\banything else\b|one more question|else that doesn't", last):
        return replace(heard, kind="bye")
    if heard.kind == "yes" and "with me as the customer?" in last:
        return replace(heard, kind="play")
    if heard.kind == "play" and part.family not in ("coach", "interviewer", "tutor"):
        return replace(heard, kind="statement")
    if heard.kind in ("solved", "unsolved") and part.family != "support":
        return replace(heard, kind="statement")
    return heard


def _scene(one: Chooser) -> int | None:
    """For how many answers a coach has played the customer; None if no scene is on."""
    if one.part.family != "coach" or one.heard.kind in _OUT_OF_SCENE:
        return None
    played = one.said.since(("I'm the customer now",))
    stopped = one.said.since(COACH["stop"])
    if played is None or played > _SCENE_ANSWERS or (stopped is not None and stopped < played):
        return None
    return played


def _as_customer(one: Chooser) -> Chooser:
    buyer = replace(one.part, name="", role="", family="buyer", aims=(), asks=(), facts=())
    return Chooser(buyer, one.heard, one.turns)


def _stop_scene(one: Chooser) -> tuple[str, str]:
    remark = judge(one, spoken(one, before=False), "coach") or one.fresh(COACH["feedback"])
    return one.fresh(COACH["stop"], in_order=True), remark


def _last_resort(one: Chooser) -> str:
    """When all lines are used up: pairs that were not said together yet, and at the very end a count."""
    own = FAMILY_LINES[one.part.family]
    firsts = [*own.get("plain", ()), *own.get("picked", ()), *COMMON["plain"], *COMMON["picked"]]
    seconds = [*own.get("probe", ()), *COMMON["deepen"], *one.pool("agenda"), *COMMON["agenda"], *COMMON["go"]]
    left = [line for line in _single(one, firsts) if not line.endswith("?")]
    right = _single(one, seconds)
    for turn in range(len(right)):
        for place, half in enumerate(left):
            said = f"{half} {right[(turn + place + one.seed) % len(right)]}"
            if key(said) not in one.said.whole:
                return said
    number = one.count
    while key(said := f"We have gone round this {number} times, so let us take one new thing.") in one.said.whole:
        number += 1
    return said


def _single(one: Chooser, lines: Iterable[str]) -> list[str]:
    return [filled for line in lines if (filled := one.fill(line)) and sentences(filled) == 1]
