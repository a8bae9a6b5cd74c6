"""The personas that are being edited in this tab: what was read, what was typed, and what is to be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import streamlit as st

from lib.services.personas import form as persona_form
from lib.services.personas.fields import NAME
from lib.services.personas.form import Value
from lib.ui.kit.editing import Draft, Editor
from lib.ui.personas.form import REMOVE, PersonaForm

NEW = "new"
COPY = "copy-"


def form_of(draft: Draft, *, disabled: bool = False) -> PersonaForm:
    return PersonaForm(draft["raw"], draft["prefix"], disabled=disabled)


def _edits(draft: Draft) -> Sequence[str]:
    return persona_form.edits(draft["raw"], form_of(draft).values())


EDITOR = Editor("personas", _edits)


def is_new(item_id: str) -> bool:
    """True for what Tavus does not have yet: `new`, or `copy-` and the id that it is a copy of."""
    return item_id == NEW or item_id.startswith(COPY)


def is_stock(draft: Draft) -> bool:
    return (draft["raw"].get("persona_type") or draft["raw"].get("pal_type")) == "system"


def draft_name(draft: Draft) -> str:
    return str(persona_form.read(draft["raw"])[NAME.key] or "")


def begin_persona(item_id: str, raw: Mapping[str, Any], typed: Mapping[str, Value]) -> Draft:
    """A form on `raw` that holds `typed` where it differs, as if a person had typed it."""
    base, held = persona_form.read(raw), dict[str, Any]()
    for key, value in typed.items():
        if value is None and base.get(key) == "":
            held[key + REMOVE] = True
        elif not persona_form.same(value, base.get(key)):
            held[key] = value
    return EDITOR.begin(item_id, raw, held)


def go_to_persona(item_id: str, view: str = "", **query: str) -> NoReturn:
    """Show this persona, or the list for ""; `view` is "" (its form), `history` or `compare`."""
    wanted = {"persona": item_id, "view": view, **query}
    st.query_params.from_dict({name: value for name, value in wanted.items() if value})
    st.rerun()
