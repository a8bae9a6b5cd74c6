"""Changes as a person reads them: short values as was and now, texts word by word. One element for all of them.

What is gone is struck through, what is new is underlined, and both have their colour: never colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from lib.services.personas.diff import FieldChange, Piece, words
from lib.ui.kit.text import html

AROUND = 160
"""Characters of an unchanged passage that are shown beside a change; the rest is folded."""
FOLDED = 300
"""Fewer characters than this are not folded: that would hide more than it saves."""
LONG = 60


def draw_changes(
    changes: Sequence[FieldChange], *, names: tuple[str, str] = ("was", "now"), label: bool = True
) -> None:
    """The changes, one under the other. `names` say what stands on either side."""
    st.html("".join(f'<div class="gr-change">{of(change, names, label=label)}</div>' for change in changes))


def of(change: FieldChange, names: tuple[str, str] = ("was", "now"), *, label: bool = True) -> str:
    head = f"<h4>{html(change.label)}</h4>" if label else ""
    if not change.secret and is_text(change.was, change.now):
        return f'{head}<div class="gr-pre" dir="auto">{marked(words(change.was, change.now))}</div>'
    return head + _pair(change, names)


def marked(pieces: Iterable[Piece], *, around: int = AROUND) -> str:
    """Pieces of a text as HTML; long unchanged passages fold into one line that opens."""
    found = list(pieces)
    out = []
    for number, piece in enumerate(found):
        if piece.kind == "same":
            out.append(_same(piece.text, first=number == 0, last=number == len(found) - 1, around=around))
        else:
            tag = "del" if piece.kind == "gone" else "ins"
            out.append(f"<{tag}>{html(_visible(piece.text))}</{tag}>")
    return "".join(out)


def _same(text: str, *, first: bool, last: bool, around: int) -> str:
    before, after = 0 if first else around, 0 if last else around
    if len(text) <= before + after + FOLDED:
        return html(text)
    head = text[: _edge(text, before)] if before else ""
    tail = text[_edge(text, len(text) - after) :] if after else ""
    hidden = text[len(head) : len(text) - len(tail)]
    return (
        f"{html(head)}<details><summary>{len(hidden):,} characters as before</summary>{html(hidden)}</details>"
        f"{html(tail)}"
    )


def _edge(text: str, at: int) -> int:
    """The beginning of a line near `at`, else of a word, so that none is cut."""
    for mark, reach in (("\n", 80), (" ", 40)):
        found = text.rfind(mark, max(0, at - reach), at)
        if found >= 0:
            return found + 1
    return at


def _visible(text: str) -> str:
    """A change that is only a line break can be seen."""
    return text.replace("\n", "↵\n") if not text.strip() and "\n" in text else text


def is_text(was: str, now: str) -> bool:
    """True where two values are better read word by word than side by side."""
    return bool(was and now) and any("\n" in value or len(value) > LONG for value in (was, now))


def _pair(change: FieldChange, names: tuple[str, str]) -> str:
    was, now = names
    old, new = change.was, change.now
    return (
        f'<div class="gr-pair"><span class="gr-chip gr-red">{html(was)}</span><span class="gr-pre" dir="auto">'
        f'{_value(old)}</span><span class="gr-chip gr-green">{html(now)}</span>'
        f'<span class="gr-pre" dir="auto">{_value(new)}</span></div>'
    )


def _value(text: str) -> str:
    if not text:
        return '<span class="gr-quiet">empty</span>'
    return _same(text, first=False, last=True, around=600)
