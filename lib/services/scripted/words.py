"""Words: which of them carry meaning, which phrase of a message to pick up, and how to turn "you" into "I"."""

from __future__ import annotations

import re
from functools import lru_cache

WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*", re.UNICODE)
_UNITS = (
    r"percent|per cent|euros?|dollars?|pounds?|minutes?|hours?|days?|weeks?|months?|years?|people|users?|customers?"
    r"|seats?"
)
NUMBER = re.compile(rf"(?:[€$£]\s?)?\b\d+(?:[.,]\d+)*\s?(?:[%€$£]|(?:k|x|times|employees?|{_UNITS})\b)?", re.IGNORECASE)


def these(text: str) -> frozenset[str]:
    """The words of a list that is written as text."""
    return frozenset(text.split())


def either(text: str) -> str:
    """One pattern of many, written one or more to a line."""
    return "|".join(line.strip() for line in text.strip().splitlines())


STOP = these(
    """
    a about above after again against all almost along already also although always am among an and another any
    anybody anyone anything anyway are aren't around as ask asked asking at away back basically be became because
    become been before begin being below best better between both but by call called came can can't cannot come
    comes coming could couldn't day definitely did didn't different do does doesn't doing don't done down during
    each easy either else end enough especially etc even ever every everybody everyone everything exactly except far
    feel feels few find first for forget from full fully gave get gets getting give gives given go goes going gone
    gonna good got gotta great guess guys had happen happened happens hard has hasn't have haven't having he he's
    hear heard hello help helped helping helps her here hers hey hi him his hope hopefully how how's however i i'd
    i'll i'm i've if in indeed instead into is isn't it it's its itself just keep keeps kind kinda knew know known
    knows last lately later least less let let's like likely listen literally little ll long look looking looks lot
    lots made mainly make makes making many may maybe me mean means might mind mine more most mostly much must my
    myself near nearly need needed needs never new next nice no nobody none nor not nothing now of off often oh ok
    okay on once one ones only onto or other others otherwise our ours out over own part people per perhaps please
    point possible pretty probably put putting quite rather re really right said same saw say saying says see seem
    seems seen set several shall she she's should shouldn't show showed shows simply since so some somebody someone
    something sometimes somewhat soon sorry sort start started still stuff such sure take taken takes taking talk
    talked talking tell telling than thank thanks that that's the their theirs them then there there's these they
    they'll they're they've thing things think thinking this those though thought three through thus till time times
    to today together told tomorrow tonight too took totally toward towards tried try trying turn two uh um under
    understand understood until up upon us use used uses using usually ve very wait wanna want wanted wants was
    wasn't way ways we we'd we'll we're we've welcome well went were weren't what what's whatever when whenever
    where whether which while who whole whom whose why will wish with within without won't wonder word words work
    worked working works would wouldn't yeah yep yes yesterday yet you you'd you'll you're you've your yours
    yourself zero offer offers offered provide provides provided believe reply answer question questions four five
    idea bring brings brought run runs happy glad interested fine bad big small able actually half really care
    follow worth cut cuts cutting save saves saving saved reduce reduces reduced increase increases increased
    improve improves improved allow allows enable enables empower empowers handle handles build builds built sell
    sells selling sold buy buys buying bought pay pays paid high higher low lower expensive cheap cheaper fast
    faster slow slower old easy easier important sceptical skeptical stupid ready true wrong possible interesting
    currently ago within fails failed fail happening whats thats dont cant im its theyre youre ive freeze lose loses
    losing lost launch launches study studies studied decide decides dropped drop drops rolled roll reset restart
    restarted download went gone wrong send sends sent visit visits learn learns teach teaches write writes read
    reads struggle struggles love loves hate hates forgot forget practise practice explain describe mention
    mentioned promise promised depends depend enough
    """
)

_BUZZ = r"""
    synerg\w+|seamless\w*|innovati\w+|best[- ]in[- ]class|world[- ]class|cutting[- ]edge|game[- ]chang\w+|disrupt\w+
    leverag\w+|holistic\w*|next[- ]gen\w*|state[- ]of[- ]the[- ]art|ai[- ]powered|ai[- ]driven|scalable|robust
    paradigm\w*|empower\w*|revolution\w+|turnkey|end[- ]to[- ]end|ecosystem|digital transformation|value[- ]add\w*
    low[- ]hanging fruit|win[- ]win
"""
_HEDGES = r"""
    just|maybe|perhaps|kind of|sort of|a bit|hopefully|i think|i guess|probably|basically|actually|honestly
"""
BUZZ = re.compile(rf"\b({either(_BUZZ)})\b", re.IGNORECASE)
HEDGES = re.compile(rf"\b({either(_HEDGES)})\b", re.IGNORECASE)

_ENDINGS = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ied", "ers", "er", "ed", "es", "ly", "s", "e")


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """A rough stem, good enough to see that "pricing" and "prices" belong together."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


@lru_cache(maxsize=8192)
def words(text: str) -> tuple[str, ...]:
    """All words in lower case, with plain apostrophes."""
    return tuple(WORD.findall(text.lower().replace("’", "'")))


def content(text: str, stop: frozenset[str] = STOP) -> set[str]:
    """The stems of the words that carry meaning."""
    return {stem(word) for word in words(text) if word not in stop and len(word) > 2}


WEAK = these(
    """
    month months week weeks day days year years hour hours minute minutes monday tuesday wednesday thursday friday
    saturday sunday email mail boss password morning evening afternoon night number numbers person place example
    moment reason name names word sentence question answer guy man woman euro euros dollars percent product company
    business
    """
)


def strong(topic: str) -> bool:
    """True for a phrase that bears being turned over: two words, or one that says something by itself."""
    return " " in topic or (len(topic) >= 5 and topic.lower() not in WEAK)


def phrase(text: str, *, stop: frozenset[str] = STOP, avoid: str = "") -> str:
    """One to three neighbouring words of `text` that are worth picking up, as they were written; "" if there are none.

    `avoid` is lower-case text: what it quotes already is picked up only if there is nothing else.
    """
    best, best_score = "", 0.0
    for place, chunk in enumerate(_chunks(text[:1200], stop)):
        for run in (chunk[:3], chunk[-3:], chunk[-2:]):
            said = " ".join(run).strip("'’-.")
            if not 3 <= len(said) <= 38 or any(word[0].isdigit() for word in run) or all(len(word) < 3 for word in run):
                continue
            score = 2.0 * min(len(run), 2) + min(len(said), 24) / 5 + min(place, 6) * 0.25
            score -= 6 if f"“{said.lower()}”" in avoid else 0
            if score > best_score:
                best, best_score = said, score
    return best


def _chunks(text: str, stop: frozenset[str]) -> list[list[str]]:
    chunks: list[list[str]] = []
    end = -1
    for found in WORD.finditer(text):
        word = found.group()
        past = len(word) > 5 and word.endswith("ed") and word.islower() and word not in ("speed", "breed", "indeed")
        if word.lower().replace("’", "'") in stop or "'" in word or "’" in word or (past and stop is STOP):
            end = -1
            continue
        joined = end >= 0 and text[end : found.start()] == " "
        if joined:
            chunks[-1].append(word)
        else:
            chunks.append([word])
        end = found.end()
    return chunks


_COUNTERPART = either(
    """
    salesperson|sales person|seller|user|visitor|customer|candidate|applicant|caller|person|client|student|learner
    participant|prospect|other person|other side|interviewee|rep|trainee|employee|patient|guest|human|buyer|manager
    """
)
_AS_YOU = re.compile(
    rf"\b(?:the|this|your) (?:{_COUNTERPART})(?P<own>['’]s)?\b"
    r"(?: (?P<verb>is|are|was|were|has|does|doesn't|[a-z]+s)\b)?",
    re.IGNORECASE,
)
_VERBS = {"is": "are", "was": "were", "has": "have", "does": "do", "doesn't": "don't"}
_OBJECT_BEFORE = these(
    """
    to for with at of from by about on behind against between give gives tell tells ask asks show shows help helps
    let lets make makes offer offers sell sells convince convinces reach reaches call calls meet meets know knows
    trust trusts send sends
    """
)
_TURNS = {
    "your": "my", "yours": "mine", "yourself": "myself", "you're": "I'm", "you've": "I've", "you'll": "I'll",
    "you'd": "I'd", "they": "you", "them": "you", "their": "your", "theirs": "yours", "themselves": "yourself",
    "they're": "you're", "they've": "you've", "they'll": "you'll",
}  # fmt: skip
_PRONOUN = re.compile(
    r"(?P<before>[A-Za-z']+ )?"
    r"\b(?P<word>you are|you were|you(?:['’](?:re|ve|ll|d))?|your(?:s|self)?|they|them(?:selves)?|theirs?)\b",
    re.IGNORECASE,
)


def turned(text: str) -> str:
    """A sentence of the prompt as the persona says it: "you" becomes "I", the other person becomes "you"."""
    marked = _AS_YOU.sub(_to_you, text)
    return _PRONOUN.sub(_to_me, marked).replace("\ue000", "you")


def _to_you(found: re.Match[str]) -> str:
    if found["own"]:
        return "\ue000r" + (f" {found['verb']}" if found["verb"] else "")
    verb = found["verb"]
    if not verb:
        return "\ue000"
    plain = _VERBS.get(verb.lower())
    if plain is None and verb.lower() not in ("this", "as", "always", "perhaps", "sales", "needs'"):
        plain = re.sub(r"ies$", "y", verb) if verb.endswith("ies") else re.sub(r"(?<=[sxzh])es$|(?<!s)s$", "", verb)
    return f"\ue000 {plain or verb}"


def _to_me(found: re.Match[str]) -> str:
    before, word = found["before"] or "", found["word"].lower().replace("’", "'")
    if word == "you are":
        return f"{before}I am"
    if word == "you were":
        return f"{before}I was"
    if word == "you":
        ends = found.end() == len(found.string) or found.string[found.end()] in ".,;:!?)"
        return before + ("me" if ends or before.strip().lower() in _OBJECT_BEFORE else "I")
    turn = _TURNS.get(word, word)
    if word in ("they", "them", "their", "theirs", "themselves", "they're", "they've", "they'll"):
        turn = turn.replace("you", "\ue000", 1)
    return before + turn
