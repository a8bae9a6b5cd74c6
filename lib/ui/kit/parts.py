"""The patterns every page is made of: chips, page header, banner, empty state, faces, bars.

State is always a word, an icon and a colour. Values are shown as themselves: each function escapes what it is given.
"""

from __future__ import annotations

import colorsys
from base64 import b64encode
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal
from zlib import crc32

import streamlit as st

from lib.models import Session, Status
from lib.ui.kit.text import html, md

Colour = Literal["red", "orange", "blue", "green", "violet", "gray"]
Kind = Literal["good", "info", "warn", "bad"]

STATES: dict[str, tuple[str, Colour, str]] = {
    "starting": ("Starting", "blue", "progress_activity"),
    "unknown": ("Checking with Tavus", "violet", "sync"),
    "waiting": ("Waiting for you", "orange", "door_open"),
    "live": ("Live", "green", "sensors"),
    "ending": ("Ending", "gray", "hourglass_bottom"),
    "ended": ("Ended", "gray", "check"),
    "failed": ("Failed", "red", "error"),
    "text": ("Text only", "blue", "chat"),
    "in_sync": ("In sync", "green", "check"),
    "local": ("Local edits", "orange", "edit"),
    "remote": ("Changed at Tavus", "blue", "cloud_download"),
    "gone": ("Deleted at Tavus", "gray", "cloud_off"),
    "removed": ("Deleted here", "gray", "delete"),
    "draft": ("Maker draft", "violet", "draft"),
    "stock": ("Stock", "gray", "inventory_2"),
    "create": ("Create", "green", "add"),
    "change": ("Change", "blue", "edit"),
    "unchanged": ("Nothing to do", "gray", "check"),
    "conflict": ("Conflict", "orange", "call_split"),
    "refused": ("Refused", "red", "block"),
    "done": ("Done", "green", "check"),
    "not_done": ("Not done", "red", "error"),
    "pass": ("Pass", "green", "check"),
    "look": ("Check", "orange", "warning"),
    "fail": ("Fail", "red", "close"),
    "skip": ("Not run", "gray", "remove"),
    "works": ("Works", "green", "check"),
    "command": ("After a step", "orange", "build"),
    "cant": ("Can’t", "gray", "block"),
    "ready": ("Ready", "green", "check"),
    "training": ("In training", "blue", "progress_activity"),
    "waiting_to_read": ("Waiting to be read", "blue", "hourglass_top"),
    "reading": ("Being read", "blue", "progress_activity"),
    "reading_again": ("Being read again", "blue", "sync"),
    "unreadable": ("Could not be read", "red", "error"),
    "missing": ("Missing", "orange", "warning"),
    "declined": ("Declined", "orange", "warning"),
    "broken": ("Failed there", "red", "error"),
    "no_answer": ("No answer", "violet", "question_mark"),
    "callback": ("Callback", "blue", "call_received"),
    "sandbox": ("Sandbox: nothing is billed", "gray", "science"),
    "billed": ("Live account: calls are billed", "gray", "payments"),
}

_KINDS: dict[Kind, tuple[Colour, str]] = {
    "good": ("green", "check_circle"),
    "info": ("gray", "info"),
    "warn": ("orange", "warning"),
    "bad": ("red", "error"),
}


def chip(state: str) -> None:
    """A state as a badge. `state` is a key of STATES."""
    word, colour, icon = STATES[state]
    st.badge(word, icon=f":material/{icon}:", color=colour)


def chip_md(state: str) -> str:
    """A state as a badge for the inside of a markdown."""
    word, colour, icon = STATES[state]
    return f":{colour}-badge[:material/{icon}: {word}]"


def chip_html(state: str) -> str:
    """A state as a badge for the inside of an `st.html`."""
    word, colour, icon = STATES[state]
    return f'<span class="gr-chip gr-{colour}"><i aria-hidden="true">{icon}</i>{word}</span>'


def session_state(session: Session) -> str:
    """The key of STATES that says best where a session stands: an open text session is "text", not "live"."""
    if not session.in_room and session.status in (Status.LIVE, Status.WAITING):
        return "text"
    return session.status.value


def header(title: str, sub: str, key: str) -> st.delta_generator.DeltaGenerator:
    """The page's title with one quiet line; returns the container at its right, for a chip and the page's actions."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"head-{key}")
    with row.container(width="stretch", gap="xxsmall"):
        st.title(md(title, 120), anchor=False)
        if sub:
            st.caption(md(sub, 400))
    return row.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center", width="content", gap="xsmall"
    )


def banner(
    kind: Kind, cause: str, rest: str = "", *, key: str, icon: str = "", stacked: bool = False
) -> st.delta_generator.DeltaGenerator:
    """One coloured box: what happened in bold, then what still works and what to do. Returns a place for buttons.

    `stacked` puts the text under the cause and the buttons below: for a long `rest`. `key` is unique on the page.
    """
    colour, usual = _KINDS[kind]
    lead = f":{colour}[:material/{icon or usual}:] **{md(cause)}**"
    if stacked:
        box = st.container(border=True, key=f"banner-{kind}-{key}", gap="small")
        box.markdown(lead + (f"\n\n{md(rest)}" if rest else ""))
        return box.container(horizontal=True, gap="xsmall")
    box = st.container(
        border=True, horizontal=True, vertical_alignment="center", gap="small", key=f"banner-{kind}-{key}"
    )
    box.markdown(lead + (f" :gray[{md(rest)}]" if rest else ""), width="stretch")
    return box


def empty(title: str, text: str, *, key: str) -> st.delta_generator.DeltaGenerator:
    """Nothing here yet: says what would be here and what to do next. Returns a row for its buttons."""
    box = st.container(border=True, horizontal_alignment="center", gap="xsmall", key=f"empty-{key}")
    box.html(f'<div class="gr-empty"><h3>{html(title)}</h3><p>{html(text)}</p></div>')
    return box.container(horizontal=True, horizontal_alignment="center", gap="xsmall")


def by_keyboard(field: str) -> None:
    """Under a table whose buttons answer the mouse only: which field does the same. Seen while the table has focus."""
    st.html(f'<p class="gr-keys">With the keyboard, use <b>{html(field)}</b> below.</p>')


def lines(name: str, *meta: str) -> None:
    """A name and its quiet lines, as one element, so that the rhythm does not depend on the gaps between elements."""
    st.html(lines_html(name, *meta))


def lines_html(name: str, *meta: str, warn: str = "") -> str:
    quiet = "".join(f"<span>{html(line)}</span>" for line in meta if line)
    if warn:
        quiet += f'<span class="gr-warn"><i aria-hidden="true">warning</i> {html(warn)}</span>'
    return f'<div class="gr-lines"><b dir="auto">{html(name)}</b>{quiet}</div>'


def tile(grid: st.delta_generator.DeltaGenerator, key: str) -> st.delta_generator.DeltaGenerator:
    """A card of a gallery: what is read, as one element with a face or lines, and below it its buttons in one row.

    The row needs no container of its own: each one more costs every rerun of a page of twelve cards.
    """
    return grid.container(border=True, horizontal=True, gap="xsmall", height="stretch", key=f"card-{key}")


def card(url: str, name: str, *meta: str, small: bool = False, warn: str = "") -> None:
    """A face with a name and its quiet lines, as one element. `small`: a square face at the left of them.

    `warn` is a last line that says what is wrong.
    """
    kind = "gr-card gr-small" if small else "gr-card"
    st.html(f'<div class="{kind}">{face_html(url, name)}{lines_html(name, *meta, warn=warn)}</div>')


def strip_head(url: str, name: str, rest: str, state: str, line: str) -> None:
    """The left of a strip: a small face, a name with what belongs to it and its state, and one quiet line."""
    st.html(
        f'<div class="gr-strip"><div class="gr-av">{_image(url, name)}</div>'
        f'<div class="gr-lines"><p><b dir="auto">{html(name)}</b> {html(rest)} {chip_html(state)}</p>'
        f"<span>{html(line)}</span></div></div>",
        width="stretch",
    )


def face(url: str, alt: str) -> None:
    st.html(face_html(url, alt))


def avatar(url: str, alt: str) -> None:
    """A small square face for a row."""
    st.html(f'<div class="gr-av">{_image(url, alt)}</div>', width="content")


def face_html(url: str, alt: str) -> str:
    return f'<div class="gr-face">{_image(url, alt)}</div>'


def bar(share: float) -> None:
    """How much of a limit is used, 0 to 1."""
    st.html(bar_html(share), width="content")


def bar_html(share: float) -> str:
    used = f"{min(1.0, max(0.0, share)):.0%}"
    return f'<div class="gr-bar" role="img" aria-label="{used} of the limit"><i style="width:{used}"></i></div>'


def facts(rows: Iterable[tuple[str, str]]) -> None:
    """Pairs of a quiet word and a value, one under the other."""
    st.html(facts_html(rows))


def facts_html(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f'<span>{html(word)}</span><b title="{html(value)}">{html(value)}</b>' for word, value in rows)
    return f'<div class="gr-facts">{cells}</div>'


def metrics(rows: Iterable[tuple[str, str, str]]) -> None:
    """Figures in boxes, as one element: what it is, the figure, a quiet line."""
    boxes = "".join(
        f"<div><span>{html(label)}</span><b>{html(value)}</b><i>{html(detail)}</i></div>"
        for label, value, detail in rows
    )
    st.html(f'<div class="gr-metrics">{boxes}</div>')


def face_source(url: str, name: str) -> str:
    """`url` if it can be shown as a picture, else a quiet figure with the first letter of `name`."""
    return url if url.startswith(("https://", "http://", "/", "data:image/")) else _placeholder(name)


def _image(url: str, alt: str) -> str:
    return f'<img alt="{html(alt)}" src="{html(face_source(url, alt))}" loading="lazy">'


@lru_cache(maxsize=256)
def _placeholder(name: str) -> str:
    """A quiet figure with the first letter of `name`, for a replica without a picture."""
    hue = (crc32(name.encode()) % 360) / 360
    light, dark, deep = (_hex(hue, *pair) for pair in ((0.91, 0.35), (0.17, 0.25), (0.38, 0.35)))
    letter = html(next((c for c in name if c.isalnum()), "?").upper())
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 176" preserveAspectRatio="xMidYMid slice">'
        "<style>:root{color-scheme:light dark}</style>"
        f'<rect width="320" height="176" style="fill:light-dark({light},{dark})"/>'
        f'<circle cx="160" cy="88" r="46" fill="{deep}"/><text x="160" y="105" text-anchor="middle" fill="#fff" '
        f'font-family="system-ui,sans-serif" font-size="46" font-weight="600">{letter}</text></svg>'
    )
    return "data:image/svg+xml;base64," + b64encode(drawing.encode()).decode()


def _hex(hue: float, lightness: float, saturation: float) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, lightness, saturation))
