"""One persona as a form: prompt at the left, the rest at the right; what Save would change is reviewed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from lib.models import Agent, Persona, Replica
from lib.services.catalogue.catalogue import Listing
from lib.services.personas import check as persona_check
from lib.services.personas import form as persona_form
from lib.services.personas.fields import CONTEXT, GREETING, LANGUAGES, LAYERS, MODE, NAME, PROMPT, REPLICA
from lib.services.personas.form import Value
from lib.services.personas.history import Drift, PersonaHistory
from lib.services.wording import words
from lib.ui.kit import editing, notes, parts
from lib.ui.kit.editing import Draft
from lib.ui.kit.text import ago, md, plain, series
from lib.ui.personas.drafts import EDITOR, NEW, draft_name, go_to_persona, is_new, is_stock
from lib.ui.personas.form import PersonaForm
from lib.ui.personas.gallery import use
from lib.ui.replicas import picker

BEST_PROMPT = 20_000  # characters: about 5,000 tokens, up to which models follow best (Tavus's guide to the LLM layer)
MERGED = "merged"
EXAMPLE = """You are …, who …

Your goal in this conversation is …

Speak … Ask one question at a time. Never …"""


def draw_persona_head(
    draft: Draft, agents: Sequence[Agent], edits: Sequence[str], *, sandbox: bool, contested: bool
) -> str:
    """Title and actions; returns what was clicked: back, review, create, copy, history, compare or delete.

    `contested`: two sides wait for a choice first, so that nothing can be saved.
    """
    place = words.place(sandbox)
    fresh, stock = is_new(draft["id"]), is_stock(draft)
    title = "New persona" if fresh else draft_name(draft) or "Persona without a name"
    sub = (
        f"{'A copy. ' if draft['id'] != NEW else ''}Nothing is sent to {place} before you press Create."
        if fresh
        else f"Persona {draft['id']} · read from {place} {ago(draft['read_at'])} · {use(len(agents)).lower()}"
    )
    clicked = ""
    with parts.header(title, sub, "persona"):
        if stock:
            parts.chip("stock")
        elif edits and not fresh:
            parts.chip("local")
        if st.button("All personas", icon=":material/arrow_back:", key="personas_back"):
            clicked = "back"
        if not fresh and not stock:
            if st.button("History", icon=":material/history:", key="personas_history"):
                clicked = "history"
            acts = {"Make agent": "agent", "Duplicate": "copy", "Compare": "compare", "Delete": "delete"}
            word = st.menu_button("", list(acts), icon=":material/more_horiz:", key="menu-persona", help="More")
            clicked = acts.get(word or "", clicked)
        if stock:
            if st.button("Copy to edit", type="primary", icon=":material/content_copy:", key="personas_copy"):
                clicked = "copy"
        elif fresh:
            if st.button("Create persona", type="primary", key="personas_create"):
                clicked = "create"
        elif st.button("Review and save", type="primary", key="personas_review", disabled=contested):
            if edits:
                clicked = "review"
            else:
                notes.unchanged()
    return clicked


def draw_persona_fields(form: PersonaForm, replicas: Listing[Replica] | None) -> None:
    """The fields. Opens the picker of replicas when asked for."""
    with st.container(key="readonly-persona" if form.disabled else "editable-persona"):
        left, right = st.columns([5, 3], gap="medium")
    values = form.values()
    with left:
        form.draw(PROMPT, height=440, placeholder=EXAMPLE)
        _count(values[PROMPT.key])
        _context(form, values)
        form.draw(GREETING, height=90)
    with right:
        form.draw(NAME, placeholder="For example: Spring demo")
        _face(form, replicas)
        form.draw(MODE)
        form.draw(LANGUAGES, height=68)
        st.header("Layers", anchor=False)
        with st.container(gap="xsmall"):
            for group in LAYERS:
                form.group(group, values, expanded=group.key == "conversational_flow")
            form.other()


def draw_persona_problems(found: Sequence[persona_check.FieldProblem]) -> None:
    """Everything that keeps the form from being sent, in one place."""
    if not found:
        return
    cause = "One thing to fix before this can be sent." if len(found) == 1 else f"{len(found)} things to fix first."
    lines = [f"{md(problem.label)}: {md(problem.message)}" for problem in found[:8]]
    with st.container(border=True, key="banner-warn-problems", gap="xsmall"):
        st.markdown(
            f":orange[:material/warning:] **{cause}** Nothing was sent.\n\n" + "\n".join(f"- {x}" for x in lines)
        )


@st.dialog("Delete this persona?", icon=":material/delete:")
def confirm_delete_persona(item_id: str, name: str, agents: Sequence[Agent], *, sandbox: bool) -> None:
    """Asks once and says what breaks."""
    st.markdown(
        f"**{md(name, 120)}** is deleted {words.at(sandbox)}. Past sessions and its history stay here: it can be "
        "created again, with a new id and without its keys."
    )
    if agents:
        names = series([f"**{md(agent.name, 80)}**" for agent in agents], 8)
        verb = "uses it and can’t" if len(agents) == 1 else "use it and can’t"
        st.markdown(f":orange[:material/warning:] {names} {verb} start until another persona is chosen.")
    else:
        st.markdown(":gray[No agent uses it.]")
    act = ("Delete persona", f"danger-delete-{item_id}")
    editing.confirm(("Keep it", "personas_keep"), act, EDITOR.ask, "delete", item_id)


@st.dialog("Restore over your edits?", icon=":material/restore:")
def confirm_restore(item_id: str, snapshot_id: int) -> None:
    """Asks once where what was typed would go."""
    st.markdown("This persona has edits that were not saved. Restoring puts the earlier state into the form instead.")
    keep, act = ("Keep my edits", "personas_keep_edits"), ("Drop my edits, restore", f"danger-restore-{item_id}")
    editing.confirm(keep, act, EDITOR.ask, "restore", item_id, snapshot_id)


def unread() -> None:
    """The head of a persona that could not be read: the way back."""
    with parts.header("Persona", "", "persona"):
        if st.button("All personas", icon=":material/arrow_back:", key="personas_back"):
            go_to_persona("")


def drifted(history: PersonaHistory, listing: Listing[Persona] | None, item_id: str) -> str:
    """Says that it was changed at Tavus since it was last meant; returns what was clicked: drift or accept.

    `listing` is what is known of all personas, None if nothing is.
    """
    if listing is None or history.drift(listing).get(item_id) is not Drift.CHANGED:
        return ""
    rest = "by someone or something else than Greenroom. The form shows what is there now."
    with parts.banner("info", "Changed at Tavus", rest, key="drift", icon="cloud_download"):
        if st.button("See what changed", icon=":material/difference:", key="personas_drift"):
            return "drift"
        newest = history.newest(item_id)
        if st.button("Accept", icon=":material/check:", key=f"personas_accept_{newest.id if newest else 0}"):
            return "accept"
    return ""


def by_field(
    problems: Sequence[persona_check.FieldProblem], refused: persona_check.FieldProblem | None
) -> dict[str, tuple[persona_check.FieldProblem, ...]]:
    """What is said at each field: what the check found, and Tavus's words of a refusal."""
    found = [*problems, *([refused] if refused else [])]
    return {problem.key: tuple(p for p in found if p.key == problem.key) for problem in found}


def _context(form: PersonaForm, values: Mapping[str, Value]) -> None:
    """The deprecated context where there is one, with the way into the prompt and back."""
    context, merged = str(values[CONTEXT.key] or ""), st.session_state.get(form.key(MERGED))
    if persona_form.is_set(form.row, CONTEXT) or context:
        form.draw(CONTEXT, height=120)
    if form.disabled:
        return
    if context.strip():
        st.button(
            "Move it into the prompt",
            icon=":material/vertical_align_top:",
            key=form.key("merge"),
            on_click=_merge,
            args=(form,),
        )
    elif merged is not None and values[PROMPT.key] == _merged(*merged):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button("Undo", icon=":material/undo:", key=form.key("unmerge"), on_click=_unmerge, args=(form,))
            st.markdown(":small[:gray[The context now stands at the end of the prompt. Nothing was sent.]]")


def _merge(form: PersonaForm) -> None:
    values = form.values()
    both = str(values[PROMPT.key] or ""), str(values[CONTEXT.key] or "")
    st.session_state[form.key(MERGED)] = both
    st.session_state[form.key(PROMPT.key)] = _merged(*both)
    st.session_state[form.key(CONTEXT.key)] = ""


def _unmerge(form: PersonaForm) -> None:
    prompt, context = st.session_state.pop(form.key(MERGED))
    st.session_state[form.key(PROMPT.key)] = prompt
    st.session_state[form.key(CONTEXT.key)] = context


def _merged(prompt: str, context: str) -> str:
    return f"{prompt.rstrip()}\n\n{context.strip()}" if prompt.strip() else context


def _count(prompt: Value) -> None:
    length = len(prompt) if isinstance(prompt, str) else 0
    told = f"{length:,} characters, best below {BEST_PROMPT:,}"
    colour = "orange" if length > BEST_PROMPT else "gray"
    st.markdown(f":small[:{colour}[{told}]]", text_alignment="right")


def _face(form: PersonaForm, replicas: Listing[Replica] | None) -> None:
    target = form.key(REPLICA.key)
    chosen: Any = st.session_state.get(target, form.base[REPLICA.key]) or ""
    replica = replicas.find(chosen) if replicas and chosen else None
    with st.container(gap="xxsmall"):
        st.markdown(f":small[{REPLICA.label}]", help=REPLICA.help)
        locked = form.disabled or REPLICA.key in persona_form.alien(form.row)
        change = picker.row(replica, plain(chosen), target, known=replicas is not None, disabled=locked)
        form.complaints(REPLICA.key)
    if change:
        picker.picker_dialog(target, chosen)
