"""An answer is lines from the files and nothing else: what fills them is a name or a whole phrase, as it was written.

Read back from the answer without the code that made it: each sentence of it must be a line, and what stands in a slot
of that line must be found in the prompt between two borders of sentences, list items or quotation marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.sandbox.personas import stock_prompts
from lib.services.chat.responder import Scripted
from lib.services.chat.scripted.files import SLOT
from lib.services.chat.scripted.phrasebook import phrasebooks

LANGUAGES = ("en", "de", "fr", "es", "pt", "it", "zh", "ja")
PIECE = {"fact", "question", "role"}


@cache
def lines() -> list[tuple[list[str], re.Pattern[str]]]:
    """Every line of every file: its pieces between the slots, and a pattern with the slots as groups."""
    books, found = phrasebooks(), set()
    for code in LANGUAGES:
        for file in (books.everyone(code), *books.roles(code).values()):
            found |= {one.text for pool in file["lines"].values() for one in pool}
    patterns = []
    for text in sorted(found):
        pieces = SLOT.split(text)
        pattern = "".join(f"(?P<{one}>.+?)" if i % 2 else re.escape(one) for i, one in enumerate(pieces))
        patterns.append((pieces[::2], re.compile(pattern, re.DOTALL)))
    return patterns


def readings(answer: str) -> Iterator[list[re.Match[str]]]:
    """The ways to read an answer as one line, or as two with a space between them or none."""
    near = [pattern for pieces, pattern in lines() if all(piece in answer for piece in pieces)]
    cuts = [end.end() for end in re.finditer(r"[.?!”“»」。？]", answer)][:-1]
    for one in near:
        if whole := one.fullmatch(answer):
            yield [whole]
        for cut in cuts:
            if first := one.fullmatch(answer[:cut]):
                rest = answer[cut:].removeprefix(" ")
                yield from ([first, two] for other in near if (two := other.fullmatch(rest)))


def borders(text: str) -> str:
    """A text in which each border is a line break: of a sentence, a list item, a quotation, a role, a label."""
    text = re.sub(r"\n[ \t]*(?=[a-z])", " ", text)
    text = re.sub(r"(?m)^\s*(?:[-*•]|\d+[.)])\s+", "\n", text)
    text = re.sub(r"(?<=[.!?])[\"”]*\s+|[\"“”]", "\n", text)
    text = re.sub(r"(?m)^(You are|Du bist)(?: [A-Z]\w+(?: [A-Z]\w+)?,)? |^Role: ", "\n", text)
    return f"\n{text}\n"


def whole_phrase(value: str, text: str) -> bool:
    return re.search(rf"\n\s*{re.escape(value)}[.;:!]?\s*\n", borders(text)) is not None


def check(answer: str, given_: str, said: str) -> None:
    """Raises AssertionError where no reading of the answer is made of lines, names and whole phrases."""
    tried = []
    for reading in readings(answer):
        slots = [(name, value) for found in reading for name, value in found.groupdict().items()]
        wrong = [
            (name, value)
            for name, value in slots
            if (name in PIECE and not whole_phrase(value, given_))
            or (name == "said" and not whole_phrase(value, said))
            or (name == "word" and value not in " ".join(said.split()))
            or (name == "name" and value not in given_)
            or (name == "user" and value not in f"{given_} {said}")
        ]
        if not wrong:
            return
        tried.append(wrong)
    raise AssertionError(f"not made of lines and whole phrases: {answer!r}, {tried[:3]}")


WORDS = st.sampled_from(
    ["close", "month", "invoice", "team", "product", "plan", "price", "Berlin", "Plantly", "customers", "today", "ship",
     "system", "office", "ten", "our", "reports", "weekly", "visitors", "support", "stock", "answers"]
)  # fmt: skip
PHRASE = st.lists(WORDS, min_size=1, max_size=7).map(" ".join)
ROLE = st.builds("{} {} {}".format, st.sampled_from(["a", "an", "the", "head of"]), PHRASE, st.sampled_from(
    ["coach", "buyer who helps users", "guide", "agent for buyers", "interviewer", "tutor, and you never lie", "x"]
))  # fmt: skip
SENTENCE = st.one_of(
    st.builds("Find out how the visitor {} today.".format, PHRASE),
    st.builds("You {} and you never {}.".format, PHRASE, PHRASE),
    st.builds("Our {} costs {} euros.".format, PHRASE, PHRASE),
    st.builds("The {} opens at nine.".format, PHRASE),
    st.builds("We have {}.".format, PHRASE),
    st.builds("I want {}.".format, PHRASE),
    st.builds("Plantly is {}".format, PHRASE),
    st.builds("Never mention the {}.".format, PHRASE),
    st.builds("Your goal is to {} the customer.".format, PHRASE),
    st.builds("If they ask about {}, say: “Our {} is ready.”".format, PHRASE, PHRASE),
    st.builds("Ask: “What is your {}?”".format, PHRASE),
    st.builds("Dr. Okafor has {}.".format, PHRASE),
    st.builds("The {} has {} e.g. {}.".format, PHRASE, PHRASE, PHRASE),
    st.builds("The {}\nis {}.".format, PHRASE, PHRASE),
)
PROMPT = st.builds(
    "You are {}{}.{}{}".format,
    st.sampled_from(["Anna, ", "Bo, ", "", "Max Weber, "]),
    ROLE,
    st.sampled_from([" ", "\n", "\n\nGoals\n- ", "\n\n# About us\n- ", "\n\nQuestions to ask:\n1. "]),
    st.lists(SENTENCE, max_size=6).flatmap(
        lambda some: st.sampled_from([" ", "\n- ", "\n"]).map(lambda between: between.join(some))
    ),
)
ASKED = st.one_of(
    st.builds("What about the {}?".format, PHRASE),
    st.builds("We {} every month".format, PHRASE),
    st.builds("Our seamless {} is ready. It helps.".format, PHRASE),
    st.sampled_from(["Hi, I'm Sam", "Who are you?", "What do you want?", "How did I do?", "Let's practise",
                     "Was kostet das?", "Tell me about yourself", "When do you open?", "no", "bye", "👍", "x = 5;",
                     "Wir sparen zwei Stunden"]),
    st.text(max_size=40),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(prompt=PROMPT, context=st.one_of(st.just(""), SENTENCE), asked=st.lists(ASKED, min_size=1, max_size=5))
def test_every_answer_is_lines_with_names_and_whole_phrases_in_them(
    prompt: str, context: str, asked: list[str]
) -> None:
    turns: list[tuple[str, str]] = []
    for text in asked:
        turns.append(("user", text))
        answer = Scripted().reply({"system_prompt": prompt}, context, turns)
        turns.append(("assistant", answer))
        check(answer, f"{prompt}\n{context}", "\n".join(said for role, said in turns if role == "user"))


def test_the_stock_personas_are_quoted_in_whole_phrases_and_never_in_an_instruction() -> None:
    asked = ["Hello", "What do you use today?", "Who are you?", "What do you want?", "Tell me about the product",
             "We close the month in a spreadsheet", "What is your goal?", "How do you speak?", "What do you never do?",
             "Do you invent prices?", "What about passwords?", "bye"]  # fmt: skip
    for name in ("PRODUCT_GUIDE", "SCEPTICAL_BUYER", "SALES_COACH", "CUSTOMER_SUPPORT", "INTERVIEWER"):
        prompt, context = getattr(stock_prompts, name), getattr(stock_prompts, f"{name}_CONTEXT", "")
        turns: list[tuple[str, str]] = []
        for text in asked:
            turns.append(("user", text))
            turns.append(("assistant", Scripted().reply({"system_prompt": prompt, "context": context}, "", turns)))
            check(turns[-1][1], f"{prompt}\n{context}", "\n".join(asked))
            for instruction in re.findall(r"(?m)^- (.{20})", prompt):
                assert instruction not in turns[-1][1]
