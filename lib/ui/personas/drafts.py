"""The personas that are being edited in this tab: what was read, what was typed, and what is to be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import streamlit as st

from lib.services.personas import form as persona_form
from lib.services.personas.fields import NAME
from lib.services.personas.form import Value
from lib.ui.kit.drafts import Draft, Drafts
from lib.ui.personas.form import REMOVE, PersonaForm

NEW = "new"
COPY = "copy-"
DRAFTS = Drafts("personas")


def form_of(draft: Draft, *, disabled: bool = False) -> PersonaForm:
    return PersonaForm(draft["raw"], DRAFTS.prefix(draft), disabled=disabled)


def edited() -> set[str]:
    """Ids of the personas with edits that were not saved."""
    drafts = (draft for item_id in DRAFTS.ids() if (draft := DRAFTS.get(item_id)) is not None)
    return {draft["id"] for draft in drafts if persona_form.edits(draft["raw"], form_of(draft).values())}


def is_new(item_id: str) -> bool:
    """True for what Tavus does not have yet: `new`, or `copy-` and the id that it is a copy of."""
    return item_id == NEW or item_id.startswith(COPY)


def is_stock(draft: Draft) -> bool:
    return (draft["raw"].get("persona_type") or draft["raw"].get("pal_type")) == "system"


def name_of(draft: Draft) -> str:
    return str(persona_form.read(draft["raw"])[NAME.key] or "")


def begin(item_id: str, raw: Mapping[str, Any], typed: Mapping[str, Value]) -> Draft:
    """A form on `raw` that holds `typed` where it differs, as if a person had typed it."""
    draft = DRAFTS.begin(item_id, dict(raw))
    form = form_of(draft)
    for key, value in typed.items():
        if value is None and form.base.get(key) == "":
            st.session_state[form.key(key + REMOVE)] = True
        elif not persona_form.same(value, form.base.get(key)):
            st.session_state[form.key(key)] = value
    return draft


def go(item_id: str, view: str = "", **query: str) -> NoReturn:
    """Show this persona, or the list for ""; `view` is "" (its form), `history` or `compare`."""
    wanted = {"persona": item_id, "view": view, **query}
    st.query_params.from_dict({name: value for name, value in wanted.items() if value})
    st.rerun()
