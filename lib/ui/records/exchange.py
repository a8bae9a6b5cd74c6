"""One request or callback, opened: what went, what came, and what can be done with it."""

from __future__ import annotations

import json

import streamlit as st

from lib.errors import GreenroomError
from lib.models import Exchange, Traffic
from lib.services.inspector.callback import is_whole
from lib.services.wording import words
from lib.ui.kit import context, feedback, parts, places
from lib.ui.kit.context import Services
from lib.ui.kit.text import local, md

SHELLS = {"bash": "bash", "PowerShell": "powershell"}
TALL = 320
HINTED = "exchange_hinted"


def outcome(one: Exchange) -> str:
    """How it went, as a key of STATES."""
    if one.kind is Traffic.CALLBACK:
        return "callback"
    if one.status is None:
        return "no_answer"
    if one.status >= 500:
        return "broken"
    return "declined" if one.code else "done"


def what(one: Exchange) -> str:
    """What it was, in a few words: the method and route of a request, the type of a callback."""
    if one.kind is Traffic.CALLBACK:
        return one.name or "Callback without a type"
    return f"{one.method} {one.name}"


def took(one: Exchange) -> str:
    return "–" if one.ms is None else f"{one.ms:,.0f}"


def open_exchange(number: int) -> None:
    """Open it in a dialog. Raises NotFound."""
    one = context.services().inspector.get(number)
    st.dialog("Callback" if one.kind is Traffic.CALLBACK else "Request", width="large")(_details)(one)


def _details(one: Exchange) -> None:
    services = context.services()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{md(what(one), 160)}**", width="stretch")
        parts.chip(outcome(one))
    if one.error:
        kind: parts.Kind = "bad" if outcome(one) in ("broken", "no_answer") else "warn"
        parts.banner(kind, feedback.sentence(one.error), f"Code: {one.code}", key="exchange-error")
    parts.facts([(word, value) for word, value in _facts(services, one) if value])
    _body(one)
    if one.kind is Traffic.CALLBACK:
        _hint(services, one)
    else:
        _commands(services, one)
    if one.session_id:
        _to_session(one)


def _facts(services: Services, one: Exchange) -> list[tuple[str, str]]:
    at = local(one.at)
    answer = f"{one.status}" if one.status is not None else "None came" if one.kind is Traffic.REQUEST else ""
    return [
        ("When", f"{at.day} {at:%b %Y, %H:%M:%S}.{at.microsecond // 1000:03d}"),
        ("Address", services.inspector.address(one) if one.kind is Traffic.REQUEST else ""),
        ("Answer", answer),
        ("Took", f"{took(one)} ms" if one.ms is not None else ""),
        ("Our id", one.number),
        ("About", one.about),
        ("Session", one.session_id),
        ("Size", f"{one.size:,} bytes" if one.size else ""),
    ]


def _body(one: Exchange) -> None:
    if not one.body:
        return
    text, cut = one.body, not is_whole(one.body)
    if not cut:
        text = json.dumps(json.loads(one.body), indent=2, ensure_ascii=False)
    st.caption("The first part of its body; the rest was not kept" if cut else "Body")
    tall = text.count("\n") > 14 or len(text) > 1_500
    st.code(text, language="json", wrap_lines=True, height=TALL if tall else "content")


def _commands(services: Services, one: Exchange) -> None:
    made = services.inspector.commands(one)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("The same again, to copy", width="stretch")
        shell = st.segmented_control(
            "Shell", list(SHELLS), default="bash", required=True, label_visibility="collapsed", key="exchange_shell"
        )
    text = made.powershell if shell == "PowerShell" else made.bash
    long = len(text) > 1_500
    st.code(text, language=SHELLS[str(shell)], wrap_lines=True, height=TALL if long else "content")
    for note in made.notes:
        st.markdown(f":small[:orange[:material/warning:] {md(note)}]")


def _hint(services: Services, one: Exchange) -> None:
    where = words.place(services.sandbox)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f":small[:gray[A callback is a hint and nothing in it is believed: {where} is asked.]]", width="stretch"
        )
        st.button(
            "Replay as a hint",
            icon=":material/replay:",
            key="exchange_hint",
            on_click=_replay,
            args=(one.session_id,),
        )
        told = st.session_state.pop(HINTED, None)
        if told == "":
            st.markdown(f":small[:green[:material/check:] {where.capitalize()} is being asked about this session.]")
        elif told:
            st.markdown(f":small[:orange[:material/warning:] {md(told)}]")


def _replay(session_id: str) -> None:
    """What Tavus's own callback did; leaves what hindered it, or "", to be said."""
    try:
        sessions = context.services().sessions
        sessions.hint(sessions.get(session_id).id)
        st.session_state[HINTED] = ""
    except GreenroomError as error:
        st.session_state[HINTED] = f"{error.message} {error.hint}"


def _to_session(one: Exchange) -> None:
    st.page_link(
        places.SESSION,
        label="Open its session",
        icon=":material/arrow_forward:",
        query_params={"session": one.session_id},
    )
