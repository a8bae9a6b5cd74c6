"""What a persona has and no stand-in reads: documents, rules, objectives, tools. Counted, then told in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.models import texts
from lib.services.chat.scripted.language import spoken
from lib.services.chat.scripted.phrasebook import ENGLISH, phrasebooks

_LISTS = {
    "document": "document_ids",
    "document_tag": "document_tags",
    "rule": "guardrail_ids",
    "rule_tag": "guardrail_tags",
    "tool": "tool_ids",
}
_ONE = {"rule_set": "guardrails_id", "objectives": "objectives_id"}
KINDS = ("document", "document_tag", "rule", "rule_tag", "rule_set", "objectives", "tool")


def sentence(row: Mapping[str, Any], turns: Sequence[tuple[str, str]] = ()) -> str:
    """What is not read of a persona's row, or of what was kept of it, in the language of the answer to `turns`."""
    kept = row.get("unread")
    counts = kept if isinstance(kept, Mapping) else counted(row)
    language = spoken(row, turns, phrasebooks().languages)[0] if counts and turns else ENGLISH
    return told(counts, language)


def counted(row: Mapping[str, Any], *more: Mapping[str, Any]) -> dict[str, int]:
    """How many of each kind a persona's row names, with what calls add to it (`more`). None of a kind is left out."""
    rows = (row, *more)
    found = {kind: len({one for each in rows for one in texts(each.get(name))}) for kind, name in _LISTS.items()}
    found |= {kind: len({str(each[name]) for each in rows if each.get(name)}) for kind, name in _ONE.items()}
    layers = row.get("layers")
    llm = layers.get("llm") if isinstance(layers, Mapping) else None
    tools = llm.get("tools") if isinstance(llm, Mapping) else None
    found["tool"] += len(tools) if isinstance(tools, list) else 0
    return {kind: found[kind] for kind in KINDS if found[kind]}


def told(counts: Mapping[str, int], language: str = ENGLISH) -> str:
    """ "The stand-in does not read the 1 document and 2 rules."; "" where there is nothing that it does not read."""
    books = phrasebooks()
    language = language if books.whole(language) else ENGLISH
    given, gap = books.everyone(language).get("unread", {}), books.gap(language)
    named = [(given[kind], number) for kind, number in counts.items() if number and kind in given]
    things = [forms["more" if number > 1 else "one"].replace("{count}", str(number)) for forms, number in named]
    if not things:
        return ""
    listed = (", " if gap else "、").join(things[:-1])
    joined = gap.join((listed, given["and"], things[-1])) if listed else things[0]
    return str(given["sentence"]).replace("{things}", joined)
