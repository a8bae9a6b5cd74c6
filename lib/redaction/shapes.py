"""What is secret by its looks, in any text: well-known keys, tokens, addresses with a password, assignments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lib.redaction.names import WORDS

Span = tuple[int, int]
_Q = r"\\*[\"']"
_IS = r"(?:\s(?:provided|supplied|given|used|sent|value|header|is|was))?"


@dataclass(frozen=True)
class Rule:
    """One of the `marks` is in every text, in lower case, that `pattern` finds something in: to look for them is quick.

    What the group of a match has is the secret. `cased` patterns are meant for the text as it is, the others for lower
    case. None goes on without an end: a text that takes long to look through would hold up everybody else.
    """

    marks: tuple[str, ...]
    pattern: re.Pattern[str]
    cased: bool = False

    def spans(self, text: str, lowered: str) -> Iterator[Span]:
        """Where secrets stand in the text. `lowered` is the same in lower case, and as long."""
        for found in self.pattern.finditer(text if self.cased else lowered):
            yield found.span(found.lastgroup or 0)


def _rule(marks: str, pattern: str, *, cased: bool = False) -> Rule:
    return Rule(tuple(marks.split()), re.compile(pattern, re.DOTALL), cased)


_START = r"(?<![A-Za-z0-9])"
_IN_ADDRESSES = (
    _rule("/callbacks/", r"/callbacks/tavus/(?P<secret>[^\s/?#\"'<>\\]+)"),
    _rule(
        "=",
        r"[?&](?:t|[\w.-]{0,60}(?:token|key|secret|signature|credential|passw\w{0,9}|auth|sig))="
        r"(?P<secret>[^\s&#\"'<>\\]+)",
    ),
    _rule("@", r"://(?P<secret>[^\s/?#\"'<>\\@]{1,512}(?:@[^\s/?#\"'<>\\@]{1,512})*)@"),
)
_RULES = (
    *_IN_ADDRESSES,
    _rule("bearer apikey", r"\b(?:bearer|apikey)\s{1,3}(?P<secret>(?=\S{0,60}\d)[\w.~+/=-]{8,}|[\w.~+/=-]{16,})"),
    _rule("basic", r"\b(?i:basic)\s{1,3}(?P<secret>(?=\S{0,60}(?:\d|=|[a-z][A-Z]))[\w+/=-]{8,})", cased=True),
    _rule("eyj", r"(?<![\w-])(?P<secret>eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?)", cased=True),
    _rule("private", r"-----begin [a-z ]{0,20}private key-----(?P<secret>.{1,9000}?)(?:-----end|\Z)"),
    _rule("sk- sk_", rf"{_START}(?P<secret>sk[-_](?=[\w-]{{0,60}}[0-9A-Z])[\w-]{{12,}})", cased=True),
    _rule(
        "xai- pplx- nvapi- glpat- tvly- csk-",
        rf"{_START}(?P<secret>(?:xai|pplx|nvapi|glpat|tvly|csk)-(?=[\w-]{{0,60}}\d)[\w-]{{16,}})",
    ),
    _rule(
        "gsk_ hf_ r8_ npm_ pcsk_ whsec_ rk_live_ gho_ ghp_ ghr_ ghs_ ghu_ github_pat_",
        rf"{_START}(?P<secret>(?:gsk|hf|r8|npm|pcsk|whsec|rk_live|gh[oprsu]|github_pat)_"
        r"(?=\w{0,60}[0-9A-Z])\w{16,})",
        cased=True,
    ),
    _rule(
        "aiza akia asia xox ya29. sg.",
        rf"{_START}(?P<secret>AIza[\w-]{{30,}}|A[KS]IA[A-Z0-9]{{16}}\b|xox[abeprs]-[\w-]{{10,}}|ya29\.[\w-]{{20,}}"
        r"|SG\.[\w-]{16,}\.[\w-]{16,})",
        cased=True,
    ),
    # A step of a JSON Patch within a text, up to the next one.
    _rule(
        "value",
        rf"{_Q}path{_Q}\s*:\s*{_Q}[^\"']{{0,300}}?(?:{WORDS}|headers)[^\"']{{0,300}}[\"'](?:(?!{_Q}path).){{0,200}}?"
        rf"{_Q}value{_Q}\s*:\s*(?P<secret>(?:(?!{_Q}(?:op|path){_Q}).)+)",
    ),
    # A part of a form, as multipart/form-data has it.
    _rule(
        "name=",
        rf"\bname=\"[^\"\r\n]{{0,200}}?(?:{WORDS})[^\"\r\n]{{0,200}}\"(?:\r?\n[^\r\n]{{1,200}}){{0,3}}(?:\r?\n){{2}}"
        r"(?P<secret>[^\r\n]+)",
    ),
    # "name": "value", name=value, name: value
    _rule(
        "key secret pass pwd token author credential cookie connection jwt",
        rf"(?:{WORDS})(?:{_Q}\s*:\s*(?P<q>{_Q})(?P<quoted>(?:(?!(?P=q)).|(?<=\\)(?P=q))+)"
        r"|[\w\]-]{0,20}\s{0,3}=\s{0,3}[\"']?(?!\d{1,7}\b)(?P<set>[^\s&#\"'<>\\,;]+)"
        rf"|{_IS}(?:\s?:\s{{0,3}}[\"'`]?|\s[\"'`])(?:(?:token|digest|bearer|basic)\s)?"
        r"(?P<told>(?=\S{0,60}\d)[^\s\"'`<>,;]{8,}|[^\s\"'`<>,;]{20,}))",
    ),
)


def rules_for(lowered: str) -> tuple[Rule, ...]:
    """Those that may find something in this text, which is in lower case."""
    return tuple(rule for rule in _RULES if any(mark in lowered for mark in rule.marks))


def in_address(text: str, lowered: str) -> Iterator[str]:
    """The passwords and tokens of the addresses in a text."""
    if "://" in text:
        for rule in _IN_ADDRESSES:
            yield from (text[start:end] for start, end in rule.spans(text, lowered))
