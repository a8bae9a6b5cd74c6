"""Someone changed the persona at Tavus meanwhile: theirs, mine and what both began with, side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from lib.services.personas import form as persona_form
from lib.services.personas.diff import changes
from lib.services.personas.diff import words as by_word
from lib.services.personas.fields import BY_KEY, FIELDS, FieldKind
from lib.services.personas.form import Value
from lib.services.personas.merge import Merge, MergeClash
from lib.services.personas.rows import alike
from lib.services.wording import words
from lib.ui.kit import changes as persona_diff
from lib.ui.kit.text import html, md

Act = Literal["review", "theirs", ""]
THEIRS, MINE, ANEW = "theirs", "mine", "anew"
WRITTEN = (FieldKind.TEXT, FieldKind.LONG, FieldKind.LINES)
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


def section(
    merge: Merge,
    base: Mapping[str, Any],
    mine: Mapping[str, Any],
    theirs: Mapping[str, Any],
    *,
    key: str,
    sandbox: bool,
) -> Decision:
    """Draw the clashes, each with its choice. `key` begins the keys of the widgets."""
    at, clashes = words.at(sandbox), merge.clashes
    clashing = {clash.key for clash in clashes}
    alone = [[change.label for change in changes(base, side) if change.key not in clashing] for side in (theirs, mine)]
    with st.container(border=True, key=f"banner-warn-{key}", gap="small"):
        st.markdown(
            f":orange[:material/call_split:] **This persona was changed {at} while you edited it.** "
            "Nothing was sent and nothing is overwritten.\n\n" + _counted(len(clashes), *alone)
        )
        sides: dict[str, str] = {}
        written: dict[str, str] = {}
        for number, clash in enumerate(clashes):
            with st.container(border=True, key=f"card-clash-{key}-{number}", gap="small"):
                _clash(clash, f"{key}_{clash.key}", at, sides, written)
        act = _buttons(len(clashes) - len(sides), key)
    return Decision(act, sides, written)


def settled(
    merge: Merge, decision: Decision, mine: Mapping[str, Value], base: Mapping[str, Value], theirs: Mapping[str, Any]
) -> dict[str, Value]:
    """What the form on `theirs` is to hold: the merge with the chosen sides, secrets as they were typed.

    `mine` and `base` are the values of the form that clashed, and of the row that it was begun on.
    """
    held = persona_form.read(theirs)
    wanted = persona_form.read(merge.with_mine(decision.mine))
    typed = {key: value for key, value in wanted.items() if not _same(value, held[key])}
    clashing = {clash.key for clash in merge.clashes}
    for field in FIELDS:
        secret = (
            persona_form.kind(theirs, field) in (FieldKind.SECRET, FieldKind.SECRETS) or field.kind is FieldKind.SECRET
        )
        stays = field.key not in clashing or field.key in decision.mine
        if secret and stays and not persona_form.same(mine[field.key], base[field.key]):
            typed[field.key] = mine[field.key]
    return {**typed, **decision.written}


def _clash(clash: MergeClash, key: str, at: str, sides: dict[str, str], written: dict[str, str]) -> None:
    st.html(f'<h4 class="gr-field">{html(clash.label)}</h4>')
    left, middle, right = st.columns(3, gap="small")
    for column, chip, text in (
        (left, _chip("blue", "cloud_download", f"Theirs, {at} now"), _changed(clash, clash.theirs)),
        (middle, _chip("orange", "edit", "Mine"), _changed(clash, clash.mine)),
        (right, _chip("gray", "history", "As both began"), _plain(clash.base)),
    ):
        column.html(f'<div class="gr-side-text">{chip}<div class="gr-pre" dir="auto" tabindex="0">{text}</div></div>')
    known = BY_KEY.get(clash.key)
    may_write = known is not None and known.kind in WRITTEN and not clash.secret
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


def _buttons(undecided: int, key: str) -> Act:
    act: Act = ""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if st.button("Review and save", type="primary", key=f"{key}_go", disabled=bool(undecided)):
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
            more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
            said.append(f"{whose}: {md(', '.join(names[:MANY]))}{more}.")
    return " ".join(said)


def _changed(clash: MergeClash, text: str) -> str:
    """One side, with what it changed of the text that both began with."""
    if clash.secret or not clash.base or not text or not persona_diff.is_text(clash.base, text):
        return _plain(text)
    return persona_diff.marked(by_word(clash.base, text))


def _plain(text: str) -> str:
    return html(text) if text else '<span class="gr-quiet">empty</span>'


def _chip(colour: str, icon: str, word: str) -> str:
    return f'<span class="gr-chip gr-{colour}"><i aria-hidden="true">{icon}</i>{html(word)}</span>'


def _same(a: Value, b: Value) -> bool:
    """Equal also where both are the same JSON in another order."""
    if persona_form.same(a, b):
        return True
    try:
        return isinstance(a, str) and isinstance(b, str) and a[:1] in "[{" and alike(json.loads(a), json.loads(b))
    except ValueError:
        return False
