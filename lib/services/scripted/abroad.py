"""Answers in languages other than English: the same two halves, from fewer lines."""

from __future__ import annotations

import zlib

from lib.services.scripted.hearing import Turns
from lib.services.scripted.lines_abroad import TONGUES
from lib.services.scripted.prompt import Part
from lib.services.scripted.said import Said, key, print_of
from lib.services.scripted.tongues import COMPILED, STOPS, tongue_of
from lib.services.scripted.words import STOP, phrase, words


def answer(tongue: str, part: Part, turns: Turns, prompt: str) -> str:
    """The next answer in `tongue`, at most two sentences, never the same twice in a call."""
    lines = TONGUES[tongue]
    said = Said(turns)
    text = turns[-1][1] if turns else ""
    topic = phrase(text, stop=STOPS.get(tongue, STOP), avoid=said.text) if tongue not in ("zh", "ja") else ""
    count = sum(role == "user" for role, _ in turns)
    seed = zlib.crc32(f"{count}|{text}".encode("utf-8", "replace"))
    role = part.role if tongue_of(prompt[:400]) == tongue else ""
    slots = {"topic": topic, "name": part.name, "role": role}

    def fill(line: str) -> str:
        for name, value in slots.items():
            if "{" + name + "}" in line:
                if not value:
                    return ""
                line = line.replace("{" + name + "}", value)
        return line

    def fresh(kind: str, *, in_order: bool = False) -> str:
        pool = lines.get(kind, ())
        begin = 0 if in_order or not pool else seed % len(pool)
        for line in (*pool[begin:], *pool[:begin]):
            if print_of(line) not in said.text and (filled := fill(line)):
                return filled
        return ""

    kind = _kind(tongue, text)
    if kind == "name":
        reaction = (fresh("name") if role else "") or fresh("name_only") if part.name else fresh("no_name")
    elif kind:
        reaction = fresh(kind)
    else:
        reaction = fresh("picked") if topic and seed % 4 else fresh("plain")
    reaction = reaction or fresh("plain") or fresh("picked")
    step = "" if kind == "bye" else fresh(part.family, in_order=True) or fresh("agenda", in_order=True)
    gap = "" if tongue in ("zh", "ja") else " "
    whole = gap.join(half for half in (reaction, step) if half)
    if whole and key(whole) not in said.whole:
        return whole
    first = [filled for name in ("plain", "picked") for line in lines[name] if (filled := fill(line))]
    second = [filled for name in ("agenda", part.family) for line in lines.get(name, ()) if (filled := fill(line))]
    for turn in range(len(second)):
        for place in range(len(first)):
            whole = f"{first[(place + seed) % len(first)]}{gap}{second[(turn + place + seed) % len(second)]}"
            if key(whole) not in said.whole:
                return whole
    while key(whole := f"{first[seed % len(first)]} ({count})") in said.whole:
        count += 1
    return whole


def _kind(tongue: str, text: str) -> str:
    if not words(text):
        return "silence"
    plain = " ".join(text.lower().replace("’", "'").split())
    short = len(words(plain)) <= 4
    for kind, pattern in COMPILED.get(tongue, ()):
        if pattern.search(plain) and (
            short or kind in ("name", "bot", "bye", "price") or (kind == "unsure" and len(words(plain)) < 9)
        ):
            if kind == "price" and not short and len(words(plain)) > 25:
                continue
            return kind
    return "ask" if plain.rstrip().endswith(("?", "？", "؟")) else ""
