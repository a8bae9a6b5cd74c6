"""What two changed at once: theirs, mine and what both began with, side by side, with a choice for each field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from lib.models import MergeClash
from lib.services.personas.diff import words as by_word
from lib.ui.kit import changes
from lib.ui.kit.text import html, md, series

Act = Literal["review", "theirs", ""]
THEIRS, MINE, ANEW = "theirs", "mine", "anew"
MANY = 6


@dataclass(frozen=True)
class Decision:
    """What a person chose so far: the side for each clash that was decided, and what they wrote instead.

    `act` is `review` once all is decided and they go on, `theirs` to give their own edits up, else "".
    """

    act: Act
    sides: Mapping[str, str]
    written: Mapping[str, str]

    @property
    def mine(self) -> set[str]:
        return {key for key, side in self.sides.items() if side != THEIRS}


def draw_clashes(
    clashes: Sequence[MergeClash],
    *,
    what: str,
    now: str,
    theirs: Sequence[str],
    mine: Sequence[str],
    may_write: Callable[[MergeClash], bool],
    key: str,
    go_on: str = "Review and save",
) -> Decision:
    """Draw the clashes, each with its choice. `key` begins the keys of the widgets.

    `what` says in Markdown what happened, `now` where theirs stands; `theirs` and `mine` are labels of what only one
    side changed. `may_write`: the field can be written anew here.
    """
    with st.container(border=True, key=f"banner-warn-{key}", gap="small"):
        st.markdown(f":orange[:material/call_split:] {what}\n\n{_counted(len(clashes), theirs, mine)}")
        sides: dict[str, str] = {}
        written: dict[str, str] = {}
        for number, clash in enumerate(clashes):
            with st.container(border=True, key=f"card-clash-{key}-{number}", gap="small"):
                _clash(clash, f"{key}_{clash.key}", now, may_write(clash), sides, written)
        act = _buttons(len(clashes) - len(sides), key, go_on)
    return Decision(act, sides, written)


def _clash(
    clash: MergeClash, key: str, now: str, may_write: bool, sides: dict[str, str], written: dict[str, str]
) -> None:
    st.html(f'<h4 class="gr-field">{html(clash.label)}</h4>')
    left, middle, right = st.columns(3, gap="small")
    for column, chip, text in (
        (left, _chip("blue", "cloud_download", f"Theirs, {now}"), _changed(clash, clash.theirs)),
        (middle, _chip("orange", "edit", "Mine"), _changed(clash, clash.mine)),
        (right, _chip("gray", "history", "As both began"), _plain(clash.base)),
    ):
        column.html(f'<div class="gr-side-text">{chip}<div class="gr-pre" dir="auto" tabindex="0">{text}</div></div>')
    names = {THEIRS: "Take theirs", MINE: "Keep mine", **({ANEW: "Write it anew"} if may_write else {})}
    side = st.segmented_control(
        f"{md(clash.label)}: which one",
        list(names),
        format_func=lambda name: names[name],
        label_visibility="collapsed",
        key=f"{key}_side",
        persist_state="session",
    )
    if side is None:
        return
    sides[clash.key] = side
    if side == ANEW:
        written[clash.key] = st.text_area(
            f"{clash.label}, anew",
            clash.mine,
            height=160,
            key=f"{key}_anew",
            label_visibility="collapsed",
            persist_state="session",
        )


def _buttons(undecided: int, key: str, go_on: str) -> Act:
    act: Act = ""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if st.button(go_on, type="primary", key=f"{key}_go", disabled=bool(undecided)):
            act = "review"
        if st.button("Give up my edits, take theirs", key=f"danger-{key}-theirs"):
            act = "theirs"
        if undecided:
            st.markdown(f":small[:gray[Still to choose: {undecided}.]]", width="stretch")
    return act


def _counted(clashes: int, theirs: Sequence[str], mine: Sequence[str]) -> str:
    """What has to be chosen and what goes together by itself, in a few sentences."""
    said = []
    if clashes:
        said.append(
            "One field was changed on both sides: choose."
            if clashes == 1
            else f"{clashes} fields were changed on both sides: choose for each."
        )
    if theirs or mine:
        said.append("What only one side changed goes together by itself.")
    for names, whose in ((theirs, "Theirs"), (mine, "Yours")):
        if names:
            said.append(f"{whose}: {md(series(names, MANY))}.")
    return " ".join(said)


def _changed(clash: MergeClash, text: str) -> str:
    """One side, with what it changed of the text that both began with."""
    if clash.secret or not clash.base or not text or not changes.is_text(clash.base, text):
        return _plain(text)
    return changes.marked(by_word(clash.base, text))


def _plain(text: str) -> str:
    return html(text) if text else '<span class="gr-quiet">empty</span>'


def _chip(colour: str, icon: str, word: str) -> str:
    return f'<span class="gr-chip gr-{colour}"><i aria-hidden="true">{icon}</i>{html(word)}</span>'
