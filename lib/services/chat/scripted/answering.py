"""The next answer: a reaction to what was said and one step on, each a line that was not used yet.

Nothing is remembered between two answers: what was used is read from the turns themselves, so the same input always
gives the same output, whoever asks and however often.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from lib.services.chat.scripted.files import ENDS, SLOT, Line
from lib.services.chat.scripted.hearing import STATEMENT, Turns, Utterance, hear
from lib.services.chat.scripted.language import candidates, spoken
from lib.services.chat.scripted.matching import key, pattern, plain, words
from lib.services.chat.scripted.phrasebook import ENGLISH, Phrasebook, Phrasebooks, phrasebooks
from lib.services.chat.scripted.prompt import Brief, brief

_CHAINS = {
    "name": ("name", "name_only", "role", "no_name"),
    "role": ("name", "role", "name_only", "no_name"),
}
"""For some kinds, the kinds whose lines are tried; one with a slot that has nothing to hold is passed over."""

_IN_ORDER = ("hello", "name", "name_only", "play")
_OUT_OF_SCENE = ("play", "feedback", "bye", "safety", "medical", "bot", "inject", "name", "role", "aim", "decline")
_SHORT, _GENERAL, _LONG = 3, 28, 60  # words: up to here short, up to here worth a question for more, from here long


def answer(row: Mapping[str, Any], context: str, turns: Turns, books: Phrasebooks | None = None) -> str:
    """What the persona of this row says next: two sentences and one question at most, never the same twice."""
    books = books or phrasebooks()
    language, unknown = spoken(row, turns, books.languages)
    answered = language if books.whole(language) else ENGLISH
    prompt = str(row.get("system_prompt") or "")
    name = str(row.get("persona_name") or row.get("pal_name") or "")
    written = next((one for one in candidates(prompt, books.languages) if books.whole(one)), answered)
    part = brief(books, written, prompt, str(row.get("context") or ""), context or "", name)
    if written != answered:
        part = part._replace(role="", facts=(), questions=())
    book = books.book(answered, part.part)
    heard = hear(book, turns)
    if language != answered:
        if told := _no_lines(books, book, language, unknown, turns):
            return told
        if language in candidates(heard.text, books.languages):
            heard = heard._replace(kind="foreign", asks=False)
    return _Answering(books, book, part, heard, turns).whole()


def _no_lines(books: Phrasebooks, book: Phrasebook, language: str, unknown: str, turns: Turns) -> str:
    """What is said once where there are no lines in somebody's language: in that language, if that much is there."""
    asked = books.languages.get(language, {})
    name = asked.get("name", unknown)
    told = next((line.text.replace("{language}", name) for line in book.lines("no_lines") if name), "")
    if "only" in asked:
        told = f"{asked.get('greeting', '')}{books.gap(language)}{asked['only']}"
    return "" if any(role == "assistant" and told in text for role, text in turns) else told


class _Answering:
    """One answer in the making."""

    def __init__(self, books: Phrasebooks, book: Phrasebook, part: Brief, heard: Utterance, turns: Turns) -> None:
        self.books, self.book, self.part, self.heard, self.turns = books, book, part, heard, turns
        self.mine = [text for role, text in turns if role == "assistant"]
        self.last = self.mine[-1] if self.mine else ""
        self.used = "".join(f" {key(text)} " for text in self.mine)
        self.theirs = plain("\n".join(text for role, text in turns if role == "user")[-6000:])
        self.count = sum(role == "user" for role, _ in turns)
        self.seed = zlib.crc32(f"{self.count}|{heard.text}".encode("utf-8", "replace"))
        self.slots = {"name": part.name, "role": part.role, "said": heard.said, "word": heard.word}
        self.slots["user"] = heard.user or part.other

    def whole(self) -> str:
        if (scene := self._scene()) is not None:
            return scene
        if self.heard.kind == "no" and self._asked(self.book.lines("close")):
            self.heard = self.heard._replace(kind="bye")
        return self._together(*self._halves()) or self._last_resort()

    def _fill(self, line: Line, **more: str) -> str:
        """The line with its slots filled; "" if one of them has nothing to hold, or what it asks was told already."""
        slots = {**self.slots, **more}
        if any(not slots.get(name) for name in SLOT.findall(line.text)) or pattern(line.unless).search(self.theirs):
            return ""
        return SLOT.sub(lambda found: slots[found[1]], line.text)

    def _fresh(self, pool: Sequence[Line], *, in_order: bool = False, **more: str) -> str:
        """A line of the pool that was not used yet, "" if there is none."""
        begin = 0 if in_order or not pool else self.seed % len(pool)
        filled = ((line, self._fill(line, **more)) for line in (*pool[begin:], *pool[:begin]))
        return next((said for line, said in filled if said and not self._has(_print(line), said)), "")

    def _pick(self, *kinds: str, in_order: bool = False, **more: str) -> str:
        """An unused line of the first kind that has one: of the role's own, else of those for everyone."""
        for kind in kinds:
            for pool in self.book.pools(kind):
                if found := self._fresh(pool, in_order=in_order or kind in _IN_ORDER, **more):
                    return found
        return ""

    def _has(self, *texts: str) -> bool:
        """True if one of these was said before, also within something longer."""
        return any(f" {key(text)} " in self.used for text in texts)

    def _is_new(self, whole: str) -> bool:
        return key(whole) not in map(key, self.mine)

    def _together(self, first: str, second: str) -> str:
        return self.book.gap.join(half for half in (first, second) if half)

    def _halves(self) -> tuple[str, str]:
        first = self._reaction()
        alone = first.rstrip("”“»」").endswith(("?", "？")) or len(ENDS.findall(first)) > 1
        second = "" if alone else self._step()
        if len(ENDS.findall(second)) > 1:
            first = ""
        if self.part.terse and first and second:
            return (first, "") if self.heard.asks else ("", second)
        return first, second

    def _reaction(self) -> str:
        heard = self.heard
        kind = "echo" if heard.echo and heard.kind not in ("bye", "safety", "foreign") else heard.kind
        if kind == "feedback":
            return self._remark(self.turns[:-1])
        if kind == "aim":
            wants = pattern(self.book.fields("prompt").get("wants", ()))
            wanted = (fact.text for fact in self.part.facts if wants.match(plain(fact.text)))
            return self._quoted("want", wanted) or self._pick("aim", "plain")
        if heard.asks and kind != "echo":
            return self._to_question()
        return self._to_statement() if kind == STATEMENT else self._pick(*_CHAINS.get(kind, (kind,)), "plain")

    def _to_question(self) -> str:
        """What is kept back, else a sentence of the prompt, else the lines on the topic, else that it is not known."""
        about = self.heard.about
        if about & self.part.private and (secret := self._pick("secret")):
            return secret
        shared = {fact.text: sum(min(len(stem), 8) for stem in about & fact.about) for fact in self.part.facts}
        best = [text for text in sorted(shared, key=lambda text: -shared[text]) if shared[text] > 2]
        return self._quoted("fact", best[:1]) or self._pick(*self.heard.topics, self.heard.kind, "question", "plain")

    def _quoted(self, kind: str, sentences: Iterable[str]) -> str:
        """The first of these that was not quoted yet, in a line of this kind."""
        return next((self._pick(kind, fact=text) for text in sentences if not self._has(text)), "")

    def _to_statement(self) -> str:
        """To its length, its figure, its subject, or simply its own words."""
        size, odd = self.heard.size, self.seed % 2
        first = {"long": size > _LONG, "figure": self.heard.figure and odd, "short": size <= _SHORT}
        kinds = [kind for kind, fits in first.items() if fits]
        return self._pick(
            *kinds[:1], *self.heard.topics, *(("picked", "plain") if self.seed % 5 < 2 else ("plain", "picked"))
        )

    def _remark(self, turns: Turns) -> str:
        """On what can be counted in the last thing of some length that the other person said."""
        said = next((text for role, text in reversed(turns) if role == "user" and len(words(text)) > 4), "?1")
        missing = {"feedback_question": "?" not in said, "feedback_figure": not any(map(str.isdigit, said))}
        return self._pick(*(kind for kind, so in missing.items() if so), "feedback", "plain")

    def _step(self) -> str:
        then = self.book.then(self.heard.kind)
        found = self._pick(then, in_order=True) if then else ""
        return found if found or then in ("nothing", "go") else next(filter(None, self._next_steps()), "")

    def _next_steps(self) -> Iterator[str]:
        """Best first: more of a general answer, what the prompt wants asked, how a talk opens, goes on, closes."""
        heard, probes, wish = self.heard, self.book.pools("probe")[0], self.book.lines("wish")
        answers = heard.kind == STATEMENT and self.count > 2 and self.last.endswith("?") and not heard.figure
        if answers and heard.size < _GENERAL and self.seed % 3 and not self._asked(probes):
            yield self._fresh(probes)
        left = [question for question in self.part.questions if not self._has(question)]
        yield from (self._fill(wish[(self.count - 1) % len(wish)], question=question) for question in left if wish)
        if self.count <= 1:
            yield self._pick("open", in_order=True)
        if self.count >= 12 and self.count % 6 == 0:
            yield self._pick("close", in_order=True)
        yield self._pick("agenda", "probe", "close", in_order=True)

    def _asked(self, lines: Iterable[Line]) -> bool:  # at the end of our last answer
        return any(self.last.endswith(line.text) for line in lines)

    def _scene(self) -> str | None:
        """The answer in another role, or the end of the scene; None where none is on."""
        scene, prints = self.book.own.get("scene"), [f" {_print(line)} " for line in self.book.pools("play")[0]]
        said = enumerate(f" {key(text)} " for text in reversed(self.mine))
        played = next((ago for ago, text in said if any(one in text for one in prints)), None)
        if not scene or played is None or played > scene["answers"] or self.heard.kind in _OUT_OF_SCENE:
            return None
        if played == scene["answers"]:
            whole = self._together(self._pick("stop", in_order=True), self._remark(self.turns))
            return whole if self._is_new(whole) else None
        book = self.books.book(self.book.code, scene["role"])
        part = self.part._replace(name="", role="", facts=(), questions=())
        return _Answering(self.books, book, part, hear(book, self.turns), self.turns).whole()

    def _last_resort(self) -> str:
        """When all lines are used up: pairs that were not said together yet, and at the very end a count."""
        aside = self.book.then(self.heard.kind) == "go"
        kinds = (self.heard.kind, "go") if aside else ("plain", "agenda")
        filled = (map(self._fill, self.book.lines(kind)) for kind in kinds)
        firsts, seconds = ([said for said in pool if len(ENDS.findall(said)) == 1] for pool in filled)
        seconds = seconds[self.seed % (len(seconds) or 1) :] + seconds
        pairs = (self._together(one, two) for two in seconds for one in firsts)
        line = self.book.lines("round")[0]
        rounds = (self._fill(line, count=str(self.count + more)) for more in range(len(self.mine) + 1))
        return next(filter(self._is_new, chain(pairs, rounds)))


def _print(line: Line) -> str:
    """The longest piece of a line without slots: where that was said, the line was used."""
    return max((key(piece) for piece in SLOT.split(line.text)[::2]), key=len)
