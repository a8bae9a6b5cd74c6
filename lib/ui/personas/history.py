"""What happened to a persona: each state that was kept, when, by whom, why and from where; compare, restore."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lib.models import Origin, Snapshot
from lib.services.personas.diff import compare
from lib.ui.kit import context, parts
from lib.ui.kit.lists import Clicked
from lib.ui.kit.parts import Colour
from lib.ui.kit.text import ago, html, local, plain, series, stamp

SUB = "Each state that was read or written. Keys and other secrets are never kept."
ROWS = 12
SHOWN = "personas_history_shown"

ORIGINS: dict[Origin, tuple[str, Colour, str]] = {
    Origin.GREENROOM: ("Saved here", "green", "edit_note"),
    Origin.FILE: ("From a file", "violet", "description"),
    Origin.RESTORE: ("Restored", "green", "restore"),
    Origin.FOUND: ("First seen", "gray", "visibility"),
    Origin.TAVUS: ("Changed at Tavus", "blue", "cloud_download"),
    Origin.ACCEPTED: ("Accepted", "green", "check"),
    Origin.DELETED: ("Deleted here", "gray", "delete"),
}


ACTORS = {"api": "the HTTP API", "command line": "the command line"}
"""Who did it, where that is no person, in words."""
_UNSIGNED = frozenset((Origin.FILE, Origin.RESTORE, Origin.ACCEPTED))
"""Done on a page where nobody was signed in, and the chip does not say already that it was here."""


_MEANT = {
    Origin.DELETED: "The persona was deleted. This is how it was last.",
    Origin.ACCEPTED: "What was changed at Tavus was taken for right.",
}
"""What a row is that need not change a field."""


def shown() -> int:
    """How many snapshots are to be read: what is shown and one more, which tells whether there are older ones."""
    return ROWS * int(st.session_state.get(SHOWN, 1)) + 1


def draw_snapshots(snapshots: Sequence[Snapshot], *, account: str, live: bool) -> Clicked[Snapshot] | None:
    """The snapshots, newest first, as read by `shown`; returns what was clicked: compare or restore.

    `live`: the persona is there, so that it can be restored.
    """
    clicked = None
    more = len(snapshots) >= shown()
    visible = snapshots[: shown() - 1]
    with st.container(border=True, key="rows-history", gap="small"):
        for number, snapshot in enumerate(visible):
            earlier = snapshots[number + 1] if number + 1 < len(snapshots) else None
            clicked = _row(snapshot, earlier, account, newest=number == 0, live=live) or clicked
    if more:
        st.button("Show older", icon=":material/expand_more:", key="personas_history_older", on_click=_older)
    return clicked


def draw_no_snapshots(*, stock: bool) -> None:
    """No snapshot: says when there will be one."""
    text = (
        "Nobody can change a stock persona, so there is nothing to keep. Copy it: the copy has a history."
        if stock
        else "Each save is kept here, with its reason, and so is each change that someone makes at Tavus."
    )
    parts.empty("No history yet", text, key="personas-history")


def draw_history_buttons(*, live: bool | None, kept: bool) -> str:
    """The page's actions; returns what was clicked. `live` is None where it is not known whether the persona exists."""
    act = ""
    if live is not False and st.button("Back to the persona", icon=":material/arrow_back:", key="personas_to_form"):
        act = "back"
    if live is False and st.button("All personas", icon=":material/arrow_back:", key="personas_back"):
        act = "list"
    if kept and st.button("Compare", icon=":material/difference:", key="personas_compare"):
        act = "compare"
    if (
        live is False
        and kept
        and st.button("Create again", type="primary", icon=":material/restart_alt:", key="personas_again")
    ):
        act = "again"
    return act


def meant(snapshots: Sequence[Snapshot]) -> Snapshot | None:
    """The last state that was meant: not merely found changed at Tavus."""
    return next((snapshot for snapshot in snapshots if snapshot.origin is not Origin.TAVUS), None)


def title(snapshot: Snapshot) -> str:
    """A snapshot in one line, for a chooser."""
    reason = f" · {plain(snapshot.reason, 60)}" if snapshot.reason else ""
    return f"{stamp(snapshot.at)}:{local(snapshot.at):%S} · {ORIGINS[snapshot.origin][0]}{reason}"


def _row(
    snapshot: Snapshot, earlier: Snapshot | None, account: str, *, newest: bool, live: bool
) -> Clicked[Snapshot] | None:
    clicked = None
    word, colour, icon = ORIGINS[snapshot.origin]
    what, acts = st.columns([7, 3], vertical_alignment="center")
    lead = f'<b dir="auto">{html(snapshot.reason)}</b>' if snapshot.reason else ""
    told = f"{stamp(snapshot.at)} · {ago(snapshot.at)}{_by(snapshot)}"
    what.html(
        f'<div class="gr-lines">{lead}<span>{html(_changed(account, snapshot, earlier))}</span>'
        f'<div class="gr-foot gr-tight"><span class="gr-chip gr-{colour}"><i aria-hidden="true">{icon}</i>{word}</span>'
        f'<span dir="auto">{html(told)}</span></div></div>'
    )
    with acts.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
        name = f"{word}, {stamp(snapshot.at)}"
        if st.button(
            "Compare", icon=":material/difference:", key=f"personas_compare_{snapshot.id}", help=f"Compare: {name}"
        ):
            clicked = Clicked("compare", snapshot)
        if (
            live
            and not newest
            and st.button(
                "Restore", icon=":material/restore:", key=f"personas_restore_{snapshot.id}", help=f"Restore: {name}"
            )
        ):
            clicked = Clicked("restore", snapshot)
    return clicked


def _by(snapshot: Snapshot) -> str:
    """Who did it, as far as that is known: of a change at Tavus it never is."""
    if snapshot.actor:
        return f" · by {ACTORS.get(snapshot.actor, snapshot.actor)}"
    return " · here" if snapshot.origin in _UNSIGNED else ""


def _changed(account: str, snapshot: Snapshot, earlier: Snapshot | None) -> str:
    """What it is, and what it changed of the state before it."""
    if earlier is None:
        return "The first state that was kept."
    what = _MEANT.get(snapshot.origin, "")
    if snapshot.previous_id and snapshot.persona_id != earlier.persona_id:
        what = f"Created again after it was deleted, with the id {snapshot.persona_id}."
    if snapshot.hash == earlier.hash:
        return what or "No field changed."
    return f"{what} {_fields(account, snapshot, earlier)}".strip()


def _fields(account: str, snapshot: Snapshot, earlier: Snapshot) -> str:
    labels = _labels(account, earlier.id, snapshot.id)
    return f"Changed: {series(labels, 4)}."


@st.cache_data(max_entries=4_000, show_spinner=False)
def _labels(account: str, earlier: int, later: int) -> tuple[str, ...]:
    """The fields that differ between two snapshots. Snapshots never change, so this is found out once."""
    del account  # a part of the key only
    history = context.services().personas.history
    return tuple(change.label for change in compare(history.content(earlier), history.content(later)))


def _older() -> None:
    st.session_state[SHOWN] = int(st.session_state.get(SHOWN, 1)) + 1
