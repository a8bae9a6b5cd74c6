"""What a system prompt says about the part to play: name, role, goals, facts, and what is not to be told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from lib.services.scripted import prompt_patterns as says
from lib.services.scripted.words import content, turned, words

PROMPT_LIMIT = 12_000


@dataclass(frozen=True)
class Fact:
    """A sentence that the persona may say, and the stems that it is about."""

    said: str
    about: frozenset[str]


@dataclass(frozen=True)
class Part:
    """The part to play. `family` is the kind of conversation partner, one of `FAMILIES`, or "partner".

    `role` reads after "I'm" ("a sales coach"); `asks` are whole questions; `aims` read after "I'd like to".
    `secrets` and `honest` are stems: topics that are kept back, and things that are not to be made up. `other` is the
    other person's name; `terse` asks for one sentence at a time.
    """

    name: str
    role: str
    family: str
    aims: tuple[str, ...]
    asks: tuple[str, ...]
    facts: tuple[Fact, ...]
    secrets: frozenset[str]
    honest: frozenset[str]
    other: str
    terse: bool


class _Notes:
    """What was read so far."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.aims: list[str] = []
        self.asks: list[str] = []
        self.facts: list[Fact] = []
        self.secrets: set[str] = set()
        self.honest: set[str] = set()

    def take(self, head: str, line: str, *, told: bool) -> None:
        """One sentence under a kind of heading; `told` for a text that only states."""
        if self.role and self.role[:30] in line and not says.SECRET.search(line):
            return
        if says.NEVER.search(line) or head == "never":
            self.keep_back(line)
        elif says.SECRET.search(line):
            self.secrets |= content(line)
        elif head == "aims" or says.AIM.search(line):
            self.take_aim(line)
        elif answer := _when_asked(line):
            self.facts.insert(0, answer)
        elif head == "manner":
            return
        elif found := _questions(line):
            self.asks += found
        elif told or head == "facts" or _tells(line):
            self.take_fact(line)

    def keep_back(self, line: str) -> None:
        found = says.NEVER.search(line)
        tail = line[found.end() :] if found else line
        if not content(says.TELLING.sub("", tail)):  # "... 40,000 euros, but never reveal it"
            tail = line
        if says.INVENTING.search(line):
            self.honest |= content(says.INVENTING.sub("", tail))
        elif re.search(r"\bask(?:s|ing)? (?:for|about)\b", line, re.I):
            return
        elif says.TELLING.search(line) or says.SECRET.search(line):
            self.secrets |= content(says.TELLING.sub("", tail))
            self.secrets |= content(line) if says.SECRET.search(line) else set()

    def take_aim(self, line: str) -> None:
        found = says.AIM.search(line)
        text = (found["aim"] if found else line).strip(" .;")
        self.asks += _questions(text)
        first = words(text)[0] if words(text) else "you"
        if len(text) <= 150 and text[:1].isalpha() and first not in ("you", "your", "the", "if", "when"):
            self.aims.append(turned(text[0].lower() + text[1:]))

    def take_fact(self, line: str) -> None:
        listed = words(line)
        directs = len(listed) < 3 or (listed[0] in says.IMPERATIVE and listed[0] != "you") or says.MANNER.match(line)
        known = (
            (self.role and self.role[:30] in line) or says.SCENE.match(line) or re.match(r"You(?: are|'re) [A-Z]", line)
        )
        if directs or known or len(line) > 230 or "{" in line:
            return
        if says.OF_OTHER.match(line) or not says.STATES.search(line):
            return
        said = turned(line).strip(" .;:")
        said = said[0].upper() + said[1:]
        self.facts.append(Fact(said if said[-1] in "!?" else f"{said}.", frozenset(content(line))))


@lru_cache(maxsize=128)
def read(prompt: str, knowledge: str, context: str, persona_name: str) -> Part:
    """The part behind a persona's `system_prompt`, its `context`, and the call's `conversational_context`."""
    prompt, knowledge, context = (text[:PROMPT_LIMIT].replace("’", "'") for text in (prompt, knowledge, context))
    name, role = _name_and_role(prompt[:3000])
    notes = _Notes(role)
    for text, told in ((prompt, False), (knowledge, True), (context, True)):
        for head, line in _lines(text):
            notes.take(head, line, told=told)
    met = says.OTHER.search(f"{context}\n{knowledge}\n{prompt}")
    other = next((one for one in met.groups() if one), "") if met else ""
    return Part(
        name=name,
        role=role,
        family=_family(role, persona_name, prompt),
        aims=tuple(dict.fromkeys(notes.aims))[:8],
        asks=tuple(dict.fromkeys(notes.asks))[:12],
        facts=tuple(fact for fact in notes.facts[:60] if not fact.about & notes.secrets),
        secrets=frozenset(notes.secrets),
        honest=frozenset(notes.honest),
        other=other if other.lower() not in says.NOT_A_NAME and other != name else "",
        terse=bool(re.search(r"\b(?:one|a single) (?:short )?sentence\b(?! or)", prompt, re.I)),
    )


def _name_and_role(head: str) -> tuple[str, str]:
    for pattern in says.NAMED:
        for found in pattern.finditer(head):
            name = found["name"].replace(".", "")
            if name.split()[0].lower() in says.NOT_A_NAME:
                continue
            rest = says.ROLE_AFTER_NAME.match(head[found.end() :])
            role = _role(rest["role"]) if rest else ""
            return name[:60], role if _is_role(role) else _other_role(head)
    for pattern in says.NAMED_ELSEWHERE:
        if found_elsewhere := pattern.search(head):
            return found_elsewhere["name"], ""
    return "", _other_role(head)


def _other_role(head: str) -> str:
    for pattern in (says.ROLE, says.ROLE_LINE, says.ROLE_IS, says.ROLE_WORK):
        if (found := pattern.search(head)) and (role := _role(found["role"])):
            return _with_article(role) if pattern is says.ROLE_LINE else role
    return ""


def _with_article(role: str) -> str:
    """ "Cardiologist at a hospital" reads after "I'm" only with an article, "head of sales" without one."""
    if says.BARE_TITLE.match(role) or not role.isascii():
        return role
    return (
        f"{'an' if role[0].lower() in 'aeiou' else 'a'} {role[0].lower() + role[1:] if role[1:2].islower() else role}"
    )


def _role(text: str) -> str:
    text = says.ROLE_ENDS.split(" ".join(text.split()).strip(" *_\"'"), maxsplit=1)[0]
    text = re.sub(r",? (?:and|und|et|y|e)$", "", text.strip(" ,:-–—"))
    text = re.sub(rf", {says.ARTICLE} \w+$", "", text)
    if len(text) > 90:
        text = text[:90].rsplit(",", 1)[0] if "," in text[:90] else text[:90].rsplit(" ", 1)[0]
    text = text.split(", and ")[0]
    return text[0].lower() + text[1:] if re.match(r"(?:An?|The|Head|Chief|Senior) ", text) else text


def _is_role(role: str) -> bool:
    first = role.split(" ", 1)[0].lower() if role else ""
    no_role = ("you", "your", "and", "please", "speak", "always", "never", "be", "i")
    return bool(role) and len(role.split()) <= 16 and first not in no_role


def _family(role: str, persona_name: str, prompt: str) -> str:
    """What comes first in FAMILIES wins a tie: a sales coach is a coach, an angry customer is angry before he buys."""
    scores: dict[str, float] = {}
    for weight, text in ((6.0, role), (4.0, persona_name), (3.0, prompt[:400])):
        for family, pattern in says.FAMILIES.items():
            if pattern.search(text):
                scores[family] = scores.get(family, 0) + weight
    if not scores:
        return "buyer" if says.SELLING.search(prompt) else "partner"
    order = list(says.FAMILIES)
    return max(scores, key=lambda one: (scores[one], -order.index(one)))


def _lines(text: str) -> list[tuple[str, str]]:
    """Each sentence with the kind of heading it stands under: "aims", "never", "manner", "facts" or ""."""
    found: list[tuple[str, str]] = []
    head = ""
    for raw in text.split("\n"):
        line = says.BULLET.sub("", raw).strip(" *_#>\t")
        if not line:
            continue
        bullet = says.BULLET.match(raw) is not None
        if not bullet and len(line.split()) <= 6 and line[-1] not in ".!?" and (label := says.HEADING.match(raw)):
            head = _head(label["what"])
        elif not bullet and (inline := says.INLINE_HEADING.match(line)) and _head(inline[1]):
            found += [(_head(inline[1]), sentence) for sentence in _split(inline[2])]
        else:
            found += [(head, sentence) for sentence in _split(line)]
    return found


def _head(text: str) -> str:
    return next((kind for kind, pattern in says.HEADS if pattern.search(text)), "")


def _split(line: str) -> list[str]:
    return [found.strip() for found in says.SENTENCE.findall(line) if len(found.strip()) > 3]


def _questions(line: str) -> list[str]:
    return [found for piece in re.split(r",? and (?=ask )", line) if (found := _question(piece))]


def _question(line: str) -> str:
    """What the prompt wants to be asked, as a question to the other person; "" if it asks for nothing."""
    found = says.ASKS.match(line.strip(" .;"))
    if found is None:
        return ""
    rest = says.ASKED_ONE.sub("", found["rest"]).strip(" :,")
    rest = says.ASK_ENDS.split(rest)[0].strip(" ,")
    first = words(rest)[0] if words(rest) else ""
    verb = found["verb"].lower()
    if not first or len(rest) > 150 or says.ASK_MANNER.match(rest):
        return ""
    if first in ("whether", "if") and verb != "ask":
        return ""  # to be found out by listening
    said = turned(rest if rest.split()[0] == "I" else rest[0].lower() + rest[1:])
    if first == "for":
        return f"Could you give me {said[4:]}?"
    if says.QUESTION_WORDS.match(rest.lower()) or first == "about":
        return f"Could you tell me {said}?"
    return f"Could you tell me about {said}?" if verb not in ("check", "identify", "qualify") else ""


def _tells(line: str) -> bool:
    """True for a sentence that states something, in contrast to one that directs."""
    listed = words(line)
    return len(listed) >= 3 and (listed[0] not in says.IMPERATIVE or listed[0] == "you") and not says.MANNER.match(line)


def _when_asked(line: str) -> Fact | None:
    """ "If they ask about refunds, say that ..." as the thing to say."""
    found = says.IF_ASKED.match(line.strip(" ."))
    if found is None:
        return None
    quoted = re.search(r"[\"“'](.{3,200}?)[\"”']$", found["say"])
    said = quoted[1] if quoted else turned(found["say"])
    said = said[0].upper() + said[1:].rstrip(" .")
    return Fact(said if said[-1] in "!?" else f"{said}.", frozenset(content(found["what"])))
