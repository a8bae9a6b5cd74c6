"""Any two states side by side: a snapshot, what is live, what is typed here, a file, another persona."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import streamlit as st

from lib.models import Persona, Snapshot
from lib.services.personas import form as persona_form
from lib.services.personas.content import Content, content_of
from lib.services.personas.diff import FieldChange, compare
from lib.ui.kit import changes as persona_diff
from lib.ui.kit import parts
from lib.ui.kit.editing import Draft
from lib.ui.kit.text import html, plain
from lib.ui.personas import drafts, history

SUB = "Any two states: earlier ones, what is live, what you typed, a file, another persona."
LIVE, MINE = "live", "mine"
SNAPSHOT, PERSONA = "s", "p"
RIGHT = "personas_compare_b"
"""The key of the second chooser."""


@dataclass(frozen=True)
class Side:
    """One state to choose: its name in the chooser, and how to get what it says."""

    name: str
    content: Callable[[], Content]


def sides(
    own: Mapping[str, Side],
    snapshots: Sequence[Snapshot],
    others: Sequence[Persona],
    content: Callable[[int], Content],
) -> dict[str, Side]:
    """All that can be chosen, by what stands for it in the page's address. `own` come first: live, and what is typed.

    `content` reads what a snapshot says.
    """
    found = dict(own)
    for snapshot in snapshots:
        found[f"{SNAPSHOT}{snapshot.id}"] = Side(history.title(snapshot), partial(content, snapshot.id))
    for persona in others:
        name = f"Persona: {plain(persona.name, 80)}"
        found[f"{PERSONA}-{persona.id}"] = Side(name, partial(content_of, persona.raw))
    return found


def choose_sides(found: Mapping[str, Side], left: str, right: str) -> tuple[str, str]:
    """The two choosers, beginning with `left` and `right`; what they show is kept in the page's address."""
    names = list(found)
    with st.container(key="compare-choosers"):
        a, swap, b = st.columns([10, 1, 10], vertical_alignment="bottom")
    chosen = []
    for column, label, param, start in ((a, "From", "a", left), (b, "To", "b", right)):
        with column:
            key = f"personas_compare_{param}"
            if st.session_state.get(key) not in found:
                st.session_state[key] = start if start in found else names[0]
            picked = st.selectbox(label, names, format_func=lambda name: found[name].name, key=key)
        chosen.append(str(picked))
        if st.query_params.get(param) != picked:
            st.query_params[param] = str(picked)
    swap.button("", icon=":material/swap_horiz:", key="personas_compare_swap", help="Swap the two", on_click=_swap)
    return chosen[0], chosen[1]


def own(live: Persona | None, draft: Draft | None) -> dict[str, Side]:
    """What the persona says at Tavus, and what is typed here, where that differs and can be read."""
    found = {LIVE: Side("Live now", partial(content_of, live.raw))} if live else {}
    if draft is None:
        return found
    values = drafts.form_of(draft).values()
    if persona_form.edits(draft["raw"], values):
        with suppress(ValueError):
            found[MINE] = Side("Your edits, not saved", partial(content_of, persona_form.write(draft["raw"], values)))
    return found


def of_snapshot(snapshot: Snapshot) -> str:
    """What stands for a snapshot in the page's address."""
    return f"{SNAPSHOT}{snapshot.id}"


def snapshot_of(chosen: Sequence[str]) -> int | None:
    """The one snapshot among the two, which can be restored; None where there is none or two."""
    found = [int(name[1:]) for name in chosen if name.startswith(SNAPSHOT) and name[1:].isdigit()]
    return found[0] if len(found) == 1 else None


def forget() -> None:
    """Let the choosers begin with what the page's address says."""
    for param in ("a", "b"):
        st.session_state.pop(f"personas_compare_{param}", None)


def draw_compare_buttons(*, live: bool) -> str:
    """The page's actions; returns what was clicked."""
    act = ""
    if live and st.button("Back to the persona", icon=":material/arrow_back:", key="personas_to_form"):
        act = "back"
    if not live and st.button("All personas", icon=":material/arrow_back:", key="personas_back"):
        act = "list"
    if st.button("History", icon=":material/history:", key="personas_history"):
        act = "history"
    return act


def differences(left: Side, right: Side) -> tuple[FieldChange, ...]:
    return compare(left.content(), right.content())


def draw_differences(
    changes: Sequence[FieldChange], found: Mapping[str, Side], chosen: tuple[str, str], *, live: bool, drifted: int
) -> str:
    """What differs, field by field, or that nothing does; returns what was clicked below: accept or restore.

    `drifted` is the number of the snapshot that was found changed at Tavus and is live, 0 where there is none.
    """
    left, right = (found[name] for name in chosen)
    if not changes:
        parts.empty("They say the same", "Field by field, nothing differs between these two.", key="personas-same")
        return ""
    count = len(changes)
    st.html(
        f'<div class="gr-legend gr-pre"><b>{count} field{"s differ" if count > 1 else " differs"}.</b> '
        f"<del>Only in {html(left.name)}</del> <ins>Only in {html(right.name)}</ins></div>"
    )
    with st.container(border=True, key="diff-compare"):
        persona_diff.draw_changes(changes, names=("from", "to"))
    act = ""
    with st.container(horizontal=True, gap="xsmall"):
        if (
            drifted
            and LIVE in chosen
            and st.button(
                "Accept what is live", type="primary", icon=":material/check:", key=f"personas_accept_{drifted}"
            )
        ):
            act = "accept"
        if (
            live
            and snapshot_of(chosen) is not None
            and st.button("Restore the earlier state", icon=":material/restore:", key="personas_restore")
        ):
            act = "restore"
    return act


def _swap() -> None:
    state = st.session_state
    state["personas_compare_a"], state["personas_compare_b"] = state["personas_compare_b"], state["personas_compare_a"]
