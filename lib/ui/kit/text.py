"""Values as text: whatever a name or prompt holds, it is shown as itself and never as markup.

`md` is for places where Streamlit reads markdown (labels, badges, `st.markdown`), `html` for `st.html`. Tavus lets a
persona be called `<img src=x onerror=...>` or `:red[x]`, and nobody may notice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from html import escape
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

_JOINER = "\u2060"  # word joiner: no width, no break, and no match for the patterns below
_PUNCTUATION = re.compile(r"([!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SPACES = re.compile(r"\s+")
_LIST_MARK = re.compile(r"^\s*(?:[-*+•–]|#{1,6}|>|\d{1,2}[.)])\s+")
_BLANK_LINE = re.compile(r"\n\s*\n")
_SENTENCE_END = re.compile(r"[.!?…](?=\s|$)")
_BIDI = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069]")

# Streamlit replaces these in the text that is left AFTER markdown was parsed, where a backslash no longer protects:
# emoji and icon short codes, arrows and dashes standing alone, and GitHub's bare links.
_AFTERWARDS = (
    (re.compile(r":(?=[\w+-]+:)"), rf":{_JOINER}"),
    (re.compile(r"(?<!\S)(<->|->|<-|--|>=|<=|~=)(?!\S)"), lambda m: m[0][0] + _JOINER + m[0][1:]),
    (re.compile(r"(?i)(https?:|ftp:)(?=//)"), rf"\1{_JOINER}"),
    (re.compile(r"(?i)\b(www)(?=\.)"), rf"\1{_JOINER}"),
    (re.compile(r"(?<=[\w.+-])@(?=\w)"), rf"{_JOINER}@"),
)


def plain(value: object, limit: int | None = None) -> str:
    """One line without control characters; right-to-left text is isolated, so that what follows keeps its place."""
    text = _SPACES.sub(" ", _CONTROL.sub("", str(value))).strip()
    if limit is not None and len(text) > limit:
        text = text[: limit - 1].rstrip() + "\u2026"
    return f"\u2068{text}\u2069" if _BIDI.search(text) else text


def md(value: object, limit: int | None = None) -> str:
    """`value` for markdown, on one line, cut to `limit` characters; shown as itself."""
    text = plain(value, limit)
    for pattern, replacement in _AFTERWARDS:
        text = pattern.sub(replacement, text)
    return _PUNCTUATION.sub(r"\\\1", text)


def html(value: object) -> str:
    """`value` for the inside of an element or of a quoted attribute in `st.html`; line breaks are kept."""
    return escape(_CONTROL.sub("", str(value)), quote=True)


def gist(prompt: str, limit: int) -> str:
    """The first sentences of a prompt, at most `limit` characters, without the marks of its headings and lists."""
    paragraphs = _BLANK_LINE.split(prompt.strip())
    opening = next((part for part in paragraphs if _SENTENCE_END.search(part)), prompt)
    lines = (_LIST_MARK.sub("", line).strip() for line in opening.splitlines())
    text = plain(" ".join(line for line in lines if line))
    if len(text) <= limit:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, limit + 1)]
    return text[: ends[-1]].rstrip() if ends else plain(text, limit)


def series(words: Sequence[str], most: int, *, last: str = ", ") -> str:
    """ "A, B and 3 more" where there are more than `most`; else all of them, `last` before the last one."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return last.join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def clock(seconds: float | None) -> str:
    """222 -> "03:42", 3700 -> "1:01:40", None -> an en dash."""
    if seconds is None:
        return "\u2013"
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{second:02d}" if hours else f"{minutes:02d}:{second:02d}"


def span(seconds: float) -> str:
    """A limit in words: 600 -> "10 min", 90 -> "90 s", 5400 -> "90 min"."""
    whole = int(seconds)
    return f"{whole // 60} min" if whole >= 60 and whole % 60 == 0 else f"{whole} s"


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """ "just now", "12 min ago", "2 h ago", "yesterday", "3 days ago", "last week", the date; None: "not used yet"."""
    if at is None:
        return "not used yet"
    now = now or datetime.now(UTC)
    seconds = (now - at).total_seconds()
    days = (local(now).date() - local(at).date()).days
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if days == 0 or seconds < 6 * 3600:
        return f"{int(seconds // 3600)} h ago"
    if days == 1:
        return "yesterday"
    if days < 7:
        return f"{days} days ago"
    if days < 14:
        return "last week"
    return day(at)


def day(at: datetime) -> str:
    """ "21 Nov 2026", in the viewer's time zone."""
    here = local(at)
    return f"{here.day} {here:%b %Y}"


def stamp(at: datetime) -> str:
    """ "Sat 21 Nov, 22:39", in the viewer's time zone."""
    return stamp_in(at, zone())


def stamp_in(at: datetime, where: tzinfo) -> str:
    """ "Sat 21 Nov, 22:39", in the time zone `where`."""
    here = at.astimezone(where)
    return f"{here:%a} {here.day} {here:%b, %H:%M}"


def local(at: datetime) -> datetime:
    """`at` in the viewer's time zone."""
    return at.astimezone(zone())


def zone() -> tzinfo:
    """The viewer's time zone, which the browser tells; UTC where it does not."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
