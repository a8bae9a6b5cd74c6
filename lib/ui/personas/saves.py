"""Saves of personas, and what became of them: kept for the tab until it is settled.

Whatever the answer, what was typed stays in the form until Tavus holds it or a person gives it up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lib.models import Origin, Persona
from lib.services.personas import form as persona_form
from lib.services.personas.saved import PersonaSaved, SaveOutcome
from lib.services.personas.service import By
from lib.ui.kit import context, notes
from lib.ui.kit.context import Services
from lib.ui.kit.editing import Draft
from lib.ui.personas import drafts, review
from lib.ui.personas.drafts import EDITOR

_KEPT = "personas_saved"
_REVIEW = "personas_open_review"


def kept(item_id: str) -> PersonaSaved | None:
    """What became of the last save of this persona, while there is something left to say or to decide."""
    found: PersonaSaved | None = st.session_state.get(_KEPT, {}).get(item_id)
    return found


def settle_save(item_id: str) -> None:
    """Nothing is left to say."""
    st.session_state.get(_KEPT, {}).pop(item_id, None)


def send(services: Services, draft: Draft, reason: str, *, force: bool = False) -> None:
    """Send what was typed over what the form began on. Raises GreenroomError where that is no outcome of its own."""
    draft["reason"] = reason
    values = drafts.form_of(draft).values()
    after = persona_form.write(draft["raw"], values)
    before = Persona(draft["id"], drafts.draft_name(draft), draft["raw"])
    origin = Origin.RESTORE if draft.get("restores") else Origin.GREENROOM
    everything: dict[str, PersonaSaved] = st.session_state.setdefault(_KEPT, {})
    by = By(actor=context.actor(), reason=reason, origin=origin)
    saved = services.personas.save(before, after, by, force=force)
    # Into the plain dict first: a click meanwhile stops this run at its next st call.
    everything[draft["id"]] = saved
    if saved.outcome is SaveOutcome.SAVED:
        notes.later(review.saved_told(len(saved.changes), sandbox=services.sandbox))
    elif saved.outcome is SaveOutcome.NOTHING_CHANGED:
        notes.later(review.unchanged_told(sandbox=services.sandbox))
    else:
        return
    EDITOR.begin(draft["id"], saved.persona.raw if saved.persona else after)
    if not saved.dropped and saved.unrecorded is None and saved.persona is not None:
        settle_save(draft["id"])


def go_on(item_id: str, row: Mapping[str, Any], typed: Mapping[str, persona_form.Value]) -> Draft:
    """Begin anew on `row` with these edits and the reason as it was, and open the review of them in the next run."""
    before = EDITOR.get(item_id)
    draft = drafts.begin_persona(item_id, row, typed)
    if before is not None:
        draft["reason"], draft["restores"] = before.get("reason", ""), before.get("restores", False)
    settle_save(item_id)
    st.session_state[_REVIEW] = item_id
    return draft


def review_wanted(item_id: str) -> bool:
    """True once after `go_on`."""
    wanted = st.session_state.get(_REVIEW) == item_id
    if wanted:
        del st.session_state[_REVIEW]
    return wanted
