"""What no stand-in reads is counted from the rows and told in one whole sentence, in each language with lines."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from lib.services.chat.scripted.phrasebook import FOLDER, phrasebooks
from lib.services.chat.unread import KINDS, counted, sentence, told

SPOKEN = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


@pytest.mark.parametrize(
    ("row", "more", "said"),
    [
        ({"document_ids": ["d1"], "guardrail_ids": ["g1", "g2"]}, {}, "the 1 document and 2 rules."),
        ({"document_ids": ["d1", "d2"]}, {}, "the 2 documents."),
        ({"document_ids": ["d1"]}, {"document_ids": ["d1", "d2"]}, "the 2 documents."),
        ({}, {"document_ids": ["d1"], "document_tags": ["a"]}, "the 1 document and documents of 1 tag."),
        ({"objectives_id": "o1", "guardrails_id": "s1"}, {}, "the 1 set of rules and 1 set of objectives."),
        ({"tool_ids": ["t1"], "layers": {"llm": {"tools": [{"type": "function"}, {}]}}}, {}, "the 3 tools."),
        (
            {"document_ids": ["d"], "guardrail_ids": ["g"], "guardrail_tags": ["x", "y"]}, {},
            "the 1 document, 1 rule and rules of 2 tags.",
        ),
    ],
)  # fmt: skip
def test_each_is_counted_once_in_its_singular_or_plural(row: dict[str, Any], more: dict[str, Any], said: str) -> None:
    assert told(counted(row, more)) == f"The stand-in does not read {said}"
    assert sentence({"unread": counted(row, more)}) == f"The stand-in does not read {said}"


@pytest.mark.parametrize(
    "row",
    [{}, {"document_ids": [], "guardrail_ids": None, "objectives_id": "", "layers": {"llm": {"tools": None}}},
     {"document_ids": "d1", "layers": "x"}, {"unread": {}, "document_ids": ["d1"]}],
)  # fmt: skip
def test_where_there_is_nothing_nothing_is_said(row: dict[str, Any]) -> None:
    assert sentence(row) == ""


@pytest.mark.parametrize("code", SPOKEN)
def test_every_language_with_lines_says_it_for_every_kind_and_number(code: str) -> None:
    every = phrasebooks().everyone(code)["unread"]
    for kind, number in itertools.product(KINDS, (1, 2, 7)):
        said = told({kind: number}, code)
        assert every[kind]["one" if number == 1 else "more"].replace("{count}", str(number)) in said
        assert "{" not in said and len(re.findall(r"[.。]", said)) == 1
    assert told({"document": 1, "rule": 2, "tool": 3}, code) != told({"document": 1, "rule": 2, "tool": 3}, "nl") or (
        code == "en"
    )
