"""What a system prompt says about the part, in its own words: name, role, whole sentences that may be quoted.

A prompt is written to the persona and not to who talks with it. So only what reads well in front of a customer is
taken: no instruction, no sentence to the persona or about the other person, nothing that is to be kept back. And
nothing of it is cut or bent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from lib.services.chat.scripted.matching import Phrases, pattern, plain, stems
from lib.services.chat.scripted.phrasebook import Phrasebooks

PROMPT_CHARS, ROLE_CHARS, SENTENCE_CHARS = 12_000, 110, 180

_CAPITAL = r"[A-ZÀ-ÖØ-ÞĀ-ŽА-Я][\w'’\-]*"
_TITLE, _LINK = r"(?:Dr|Prof|Mr|Mrs|Ms|Herr|Frau|Mme|M)\.? ", r"(?:van|von|de|da|del|di|el|bin|al) "
_NAME = rf"(?P<name>(?:{_TITLE})?{_CAPITAL}(?: (?:{_LINK})?{_CAPITAL}){{0,2}})"
_BULLET = re.compile(r"\s*(?:[-*•–—▪·]|\d+[.)]|\(\d+\))\s+")
_WRAPPED = re.compile(r"(?<=[^\n.!?:;。])\n(?=[ \t]*[a-zà-ÿ])")
_WRAPPED_LATE = re.compile(r"(?m)^([^\n#]{60,}[^\n.!?:;。])\n(?=[ \t]*[^\s#*•–—▪·\d(-])")
_ENDS = re.compile(r"(?<=[.!?])(?P<close>[\"”’)]*)\s+(?=[\"“(]?[A-ZÀ-Þ0-9])")
_MARKUP = re.compile(r"[{}<>\[\]|*_#`\\\"“”„«»「」]|[.!?]\s")
_SAID = re.compile(r"[\"“]([^\"“”]{3,160})[\"”]")


class Quotable(NamedTuple):
    """A whole sentence, without its full stop, and the stems that it is about."""

    text: str
    about: frozenset[str]


class Brief(NamedTuple):
    """The part to play: `part` names a file, `private` are stems of what is kept back, `terse` asks for brevity."""

    name: str
    role: str
    part: str
    facts: tuple[Quotable, ...]
    questions: tuple[str, ...]
    private: frozenset[str]
    other: str
    terse: bool


class _Words:
    """The words under `prompt` in the lines of a language for everyone."""

    def __init__(self, given: Mapping[str, Phrases]) -> None:
        self._given = given

    def listed(self, name: str) -> Phrases:
        return self._given.get(name, ())

    def any(self, name: str) -> str:
        """A pattern of them, for use within another one."""
        return f"(?i:{pattern(self.listed(name)).pattern})"

    def stand_in(self, text: str, *names: str) -> bool:
        return any(pattern(self.listed(name)).search(plain(text)) for name in names)

    def about(self, text: str) -> frozenset[str]:
        return stems(text, self.listed("common"))


@lru_cache(maxsize=128)
def brief(books: Phrasebooks, language: str, prompt: str, knowledge: str, context: str, persona_name: str) -> Brief:
    """The part behind a persona's `system_prompt`, its `context`, and the call's `conversational_context`."""
    says = _Words(books.everyone(language).get("prompt", {}))
    texts = [text[:PROMPT_CHARS] for text in (prompt, knowledge, context)]
    placed = [piece for text in texts for piece in _pieces(says, text)]
    name, rest = _name_and_rest(says, [piece for _, piece in _pieces(says, prompt[:3000])])
    role = rest.rstrip(".;:! ")
    hidden = [
        one for head, one in placed if says.stand_in(one, "telling") and says.stand_in(f"{head}: {one}", "forbids")
    ]
    private = says.about(" ".join(hidden))
    facts, questions = _quotable(says, placed)
    met = re.search(rf"{says.any('other_is')} ({_CAPITAL})", "\n".join(reversed(texts)))
    return Brief(
        name=name,
        role=role if _safe(says, role, ROLE_CHARS) else "",
        part=_part(books, language, says, rest, persona_name, prompt),
        facts=tuple(fact for fact in facts if not fact.about & private)[:60],
        questions=tuple(dict.fromkeys(questions))[:12],
        private=private,
        other=met[1] if met and met[1] != name and met[1].lower() not in says.listed("not_a_name") else "",
        terse=says.stand_in(prompt, "one_sentence"),
    )


def _pieces(says: _Words, text: str) -> Iterator[tuple[str, str]]:
    """Each sentence or list item as it is written, with the heading that it stands under."""
    head = ""
    for raw in _WRAPPED_LATE.sub(r"\1 ", _WRAPPED.sub(" ", text)).splitlines():
        line = " ".join(_BULLET.sub("", raw, count=1).split())
        short = len(line.split()) <= 6 and line[-1:] not in ".!?。" and "," not in line
        if line[:1] == "#" or line[-1:] == ":" or (short and not _BULLET.match(raw)):
            head = line.strip("#*: ")
        begin = 0
        for end in _ENDS.finditer(line):
            last = line[begin : end.start()].rstrip('"”’).').split(" ")[-1].lower()
            if len(last) > 1 and last not in says.listed("abbreviations"):
                yield head, line[begin : end.end("close")].strip()
                begin = end.end()
        yield head, line[begin:].strip()


def _name_and_rest(says: _Words, pieces: Iterable[str]) -> tuple[str, str]:
    """The persona's name, and its role as it stands behind it to the end of the sentence; each "" if it is not said."""
    you_are, begins, called = rf"^{says.any('you_are')}[,:]? ", says.any("role_begins"), says.any("called")
    labels, jobs = ("|".join(says.listed(one)) or "(?!)" for one in ("name_labels", "role_labels"))
    named = rf"{you_are}{_NAME}(?:, (?P<rest>.+)|(?=[,.;:(–—]| [a-z]|$))"
    labelled = rf"^(?i:{labels})\s*[:=]\s*{_NAME}\W*$"
    rests = rf"^(?i:{jobs})\s*[:=]\s*(?P<rest>.+)", rf"{you_are}(?P<rest>{begins} .+)"
    name = rest = ""
    for piece in pieces:
        found = re.search(named, piece) or re.search(labelled, piece) or re.search(f"{called} {_NAME}", piece)
        if found and not name and found["name"].split()[0].lower() not in says.listed("not_a_name"):
            name, rest = found["name"], rest or found.groupdict().get("rest") or ""
        elif not rest and (found := re.search(rests[0], piece) or re.search(rests[1], piece)):
            rest = found["rest"]
    return name, rest


def _safe(says: _Words, text: str, most: int, *more: str) -> bool:
    """True for what can be said to the other person as it stands."""
    return 2 < len(text) <= most and not _MARKUP.search(text) and not says.stand_in(text, "unsaid", "forbids", *more)


def _quotable(says: _Words, placed: Iterable[tuple[str, str]]) -> tuple[list[Quotable], list[str]]:
    """Sentences that state something, and questions that are to be asked, both such as can be said as they stand."""
    facts: list[Quotable] = []
    questions: list[str] = []
    subject = rf"{says.any('begins')} (?:[\w'’-]+ ){{0,5}}?|(?:[A-Z][\w'’&-]* ){{1,4}}"
    for head, piece in placed:
        if says.stand_in(head, "instructs") or says.stand_in(f"{head}: {piece}", "forbids"):
            continue
        text, quoted = piece.rstrip(".;: "), _SAID.search(piece)
        if quoted and not _MARKUP.search(quoted[1]):
            if quoted[1].endswith("?") and re.search(rf"^\W*(?:\w+\W+)?{says.any('asks')}", piece):
                questions.append(quoted[1])
            elif not quoted[1].endswith("?") and says.stand_in(piece, "says"):
                facts.append(Quotable(quoted[1].rstrip("."), says.about(piece)))
        elif text.endswith("?") and says.stand_in(head, "asks") and not _MARKUP.search(text):
            questions.append(text)
        elif re.search(rf"^(?:{subject}){says.any('verbs')}", text) and _safe(says, text, SENTENCE_CHARS, "others"):
            facts.append(Quotable(text, says.about(text)))
    return facts, questions


def _part(books: Phrasebooks, language: str, says: _Words, rest: str, persona_name: str, prompt: str) -> str:
    """The file of lines whose words name the role: the last one in its head, else the first one in what follows."""
    roles = [(role, pattern(file.get("called", ()))) for role, file in books.roles(language).items()]
    head = re.split(says.any("head_ends"), plain(rest), maxsplit=1)[0]
    if ends := [(found.end(), role) for role, called in roles for found in called.finditer(head)]:
        return max(ends)[1]
    for text in map(plain, (rest, persona_name, prompt[:400])):
        if begins := [(found.start(), role) for role, called in roles if (found := called.search(text))]:
            return min(begins)[1]
    return ""
