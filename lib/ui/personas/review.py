"""Save is a review: what changes, field by field and word by word, the JSON Patch that is sent, and why."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from lib.models import Agent
from lib.services.personas.diff import FieldChange
from lib.services.personas.masking import HIDDEN, masked
from lib.services.personas.patch import Step
from lib.services.wording import words
from lib.ui.kit import changes as persona_diff
from lib.ui.kit import editing
from lib.ui.personas.drafts import EDITOR
from lib.ui.personas.gallery import use

REASON = "personas_reason"
REASON_LIMIT = 500
FEW = 3


@st.dialog("Save these changes?", width="medium", icon=":material/difference:")
def review_dialog(
    item_id: str,
    changes: Sequence[FieldChange],
    steps: Sequence[Step],
    agents: Sequence[Agent],
    *,
    sandbox: bool,
    reason: str = "",
) -> None:
    """What will change, and by which `steps`; Save asks the page to send it. `reason`: what that field begins with."""
    count = len(changes)
    heard = f" {use(len(agents))}: it counts from the next call on." if agents else ""
    st.caption(
        f"{count} field{'s change' if count > 1 else ' changes'}. Only this is sent, the rest stays as it is.{heard}"
    )
    with st.container(border=True, key="diff-review", height=420 if _long(changes) else "content"):
        persona_diff.draw_changes(changes)
    with st.expander("The JSON Patch that is sent", icon=":material/data_object:", key="personas_patch"):
        told = json.dumps(masked(steps), indent=2, ensure_ascii=False)
        st.code(told, language="json", height=260 if len(steps) > FEW else "content")
        hidden = f" Secrets are shown as {HIDDEN}." if HIDDEN in told else ""
        st.markdown(
            ":small[:gray[Each *test* is what was read: where that has changed meanwhile, nothing is sent over it."
            f"{hidden}]]"
        )
    reason_field(REASON, reason)
    label = "Save in the sandbox" if sandbox else "Save to Tavus"
    keep = ("Keep editing", "personas_keep_editing")
    editing.confirm(keep, (label, "personas_save"), _save, item_id, primary=True)


def reason_field(key: str, reason: str) -> str:
    """The field for the reason of a save, `reason` at first; returns what is typed."""
    typed = st.text_input(
        "What changed and why (optional)",
        reason,
        max_chars=REASON_LIMIT,
        placeholder="For example: Shorter answers after Friday’s rehearsal",
        key=key,
        help="Kept in the persona’s history in Greenroom, for whoever reads it later. It is not sent to Tavus.",
    )
    return (typed or "").strip()


def saved_told(count: int, *, sandbox: bool) -> str:
    """What a save that went through is said to have done."""
    where = "in the sandbox" if sandbox else "to Tavus"
    return f"Saved {where}: {count} field{'s' if count > 1 else ''}."


def unchanged_told(*, sandbox: bool) -> str:
    return f"Nothing changed {words.at(sandbox)}. The form shows what is there."


def _save(item_id: str) -> None:
    """Ask for it with the reason as it is typed in the moment of the click."""
    EDITOR.ask("save", item_id, str(st.session_state.get(REASON) or "").strip())


def _long(changes: Sequence[FieldChange]) -> bool:
    return len(changes) > FEW or sum(len(change.was) + len(change.now) for change in changes) > 1_500
