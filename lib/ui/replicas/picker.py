"""Choose a replica by its face. What is chosen is kept under one key of the session's state."""

from __future__ import annotations

from base64 import b64encode

import streamlit as st

from lib.errors import GreenroomError
from lib.models import Replica
from lib.services.catalogue.catalogue import Listing
from lib.services.catalogue.replicas import condition
from lib.ui.kit import context, feedback, lists, parts
from lib.ui.kit.text import html

_PAGE = 12
_NOBODY = (
    "data:image/svg+xml;base64,"
    + b64encode(
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 136 136"><style>:root{color-scheme:light dark}</style>'
        b'<rect width="136" height="136" style="fill:light-dark(#EEF1EF,#232B27)"/>'
        b'<g style="fill:light-dark(#B4BFB8,#45514B)"><circle cx="68" cy="54" r="24"/>'
        b'<path d="M22 136c2-34 20-48 46-48s44 14 46 48z"/></g></svg>'
    ).decode()
)


def readable() -> tuple[Listing[Replica] | None, GreenroomError | None]:
    """The replicas, or why there are none to show. A page of its own right should use `feedback` instead."""
    try:
        return context.services().catalogue.replicas(max_age_s=context.freshness()), None
    except GreenroomError as error:
        return None, error


def grid(replicas: Listing[Replica], target: str, chosen: str, *, size: int = _PAGE, width: int = 150) -> None:
    """Replicas to choose from, the account's own first. A click puts the id into the session's state under `target`.

    One that is not ready can't be chosen and says why.
    """
    found = sorted(replicas.items, key=lambda replica: replica.stock)
    if len(found) > size:
        query = lists.search("Search replicas by name", f"{target}_search")
        found = [replica for replica in found if lists.matches(query, replica.name, replica.id, replica.model_name)]
    if not found:
        st.caption("No replica has that name.")
    area = st.grid("auto", min_column_width=width, gap="small")
    for replica in lists.one_page(found, size, f"{target}_page"):
        with area.container(border=True, key=f"card-replica-{target}-{replica.id}", gap="xsmall", height="stretch"):
            _card(replica, target, replica.id == chosen)
    lists.pager(len(found), size, f"{target}_page", "replicas")


@st.dialog("Choose a replica", width="large", icon=":material/face:")
def picker_dialog(target: str, chosen: str) -> None:
    """The replicas to choose from in a dialog, which closes with the choice."""
    st.caption("The face and voice that the persona wears unless an agent names another. Tavus calls these Faces.")
    replicas, error = readable()
    if replicas is None:
        if error is not None:
            feedback.show(error, "read the replicas", retry=False)
        return
    grid(replicas, target, chosen)
    if st.session_state.pop(f"{target}_picked", False):
        st.rerun()


def row(replica: Replica | None, replica_id: str, target: str, *, known: bool, disabled: bool = False) -> bool:
    """The chosen replica in one line with Change and Clear; True when Change was clicked.

    `known` is False where the replicas could not be read, so that nothing is said of one that is not found.
    """
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
        name = replica.name if replica else replica_id or "No replica"
        quiet = ""
        if replica_id and known:
            quiet = why_not(replica) or (replica.model_name if replica else "")
        parts.card(url(replica) if replica_id else _NOBODY, name, quiet, small=True)
        change = st.button("Change" if replica_id else "Choose", key=f"{target}_change", disabled=disabled)
        if replica_id:
            st.button(
                "",
                icon=":material/close:",
                key=f"{target}_clear",
                help="No replica of its own",
                type="tertiary",
                on_click=choose_replica,
                args=(target, ""),
                disabled=disabled,
            )
    return change


def url(replica: Replica | None) -> str:
    return context.own_path(replica.thumbnail_image_url) if replica else ""


def why_not(replica: Replica | None) -> str:
    """Why this replica can't speak, in a few words; "" if it can."""
    if replica is None:
        return "Not among the account’s replicas"
    stands = condition(replica)
    return "" if stands.wearable else stands.words


def _card(replica: Replica, target: str, is_chosen: bool) -> None:
    reason = why_not(replica)
    line = reason or " · ".join(filter(None, ("Stock" if replica.stock else "Yours", replica.model_name)))
    st.html(
        f'<div class="gr-card" title="{html(replica.id)}">{parts.face_html(url(replica), replica.name)}'
        f"{parts.lines_html(replica.name, line)}</div>"
    )
    st.button(
        "Chosen" if is_chosen else "Choose",
        icon=":material/check:" if is_chosen else None,
        key=f"{target}_pick_{replica.id}",
        disabled=bool(reason) or is_chosen,
        width="stretch",
        on_click=choose_replica,
        args=(target, replica.id),
    )


def choose_replica(target: str, replica_id: str) -> None:
    st.session_state[target] = replica_id
    st.session_state[f"{target}_picked"] = True
