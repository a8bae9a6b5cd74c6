"""What became of a save, each in a face of its own: what holds now, what was lost, and the next step."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from lib.services.personas import form as persona_form
from lib.services.personas.check import FieldProblem
from lib.services.personas.diff import FieldChange
from lib.services.personas.fields import BY_KEY, title
from lib.services.personas.merge import Merge, merge
from lib.services.personas.refusal import field_of
from lib.services.personas.saved import LostSave, PersonaSaved, SaveOutcome
from lib.services.wording import words
from lib.ui.kit import feedback, parts
from lib.ui.kit.conflict import Decision
from lib.ui.kit.text import html, md
from lib.ui.personas import conflict
from lib.ui.personas.form import PersonaForm

Act = Literal["overwrite", "settle", "again", "take", "theirs", "review", ""]


@dataclass(frozen=True)
class Decided:
    """What a person decided. `overwrite`: send again and discard the Maker draft; `again`: send again; `take` and
    `theirs`: begin on what Tavus has; `review`: go on with the sides of `decision`; `settle`: it was read."""

    act: Act
    decision: Decision | None = None
    merge: Merge | None = None


_HELD: dict[LostSave, tuple[str, str, str]] = {
    LostSave.SAVED: ("Saved", "green", "check"),
    LostSave.NOT_SAVED: ("Not saved", "orange", "undo"),
    LostSave.OTHER: ("Something else", "orange", "warning"),
    LostSave.UNKNOWN: ("Not known", "gray", "question_mark"),
}


def is_contested(saved: PersonaSaved | None) -> bool:
    """True while two sides wait for a choice."""
    return saved is not None and saved.outcome is SaveOutcome.CONFLICT


def draw_outcome(saved: PersonaSaved, form: PersonaForm, *, sandbox: bool) -> Decided:
    """The outcome of the last save, where the caller stands."""
    match saved.outcome:
        case SaveOutcome.CONFLICT:
            return _conflict(saved, form, sandbox=sandbox)
        case SaveOutcome.MAKER_DRAFT:
            return Decided(_maker_draft())
        case SaveOutcome.DRAFTED:
            return Decided(_drafted(saved))
        case SaveOutcome.REFUSED:
            return Decided(_refused(saved))
        case SaveOutcome.UNCLEAR:
            return Decided(_unclear(saved, sandbox=sandbox))
        case _:
            return Decided(_afterwards(saved, sandbox=sandbox))


def refused_at(saved: PersonaSaved | None) -> FieldProblem | None:
    """Tavus's words at the field that they speak of, where that can be told."""
    if saved is None or saved.outcome is not SaveOutcome.REFUSED or saved.error is None:
        return None
    key = field_of(saved.error.said)
    return FieldProblem(key, title(BY_KEY[key]), feedback.sentence(saved.error.message)) if key else None


def _conflict(saved: PersonaSaved, form: PersonaForm, *, sandbox: bool) -> Decided:
    both = saved.contested
    assert both is not None
    mine, merged = both.mine, both.merge
    # The form goes on living below: what is typed there meanwhile is mine, as soon as it can be read.
    with suppress(ValueError):
        mine = persona_form.write(form.row, form.values())
        merged = merge(both.base, mine, both.theirs.raw)
    key = f"personas_clash_{both.theirs.id}_{form.prefix}"
    decision = conflict.draw_persona_clashes(merged, both.base, mine, both.theirs.raw, key=key, sandbox=sandbox)
    return Decided(decision.act, decision, merged)


def _maker_draft() -> Act:
    act: Act = ""
    with st.container(border=True, key="banner-warn-maker", gap="small"):
        st.markdown(
            ":violet[:material/draft:] **Someone is editing this persona in Tavus’s PAL Maker and has not published it "
            "yet.** Nothing was sent.\n\n"
            "- *Keep theirs*: their draft stays. Your edits stay here and are not sent; save again once the draft is "
            "published or discarded in PAL Maker.\n"
            "- *Overwrite*: your edits go live at once, and **their unpublished draft is lost for good**. Greenroom "
            "can’t read that draft, so it is in no history."
        )
        with st.container(horizontal=True, gap="xsmall"):
            if st.button("Keep theirs", key="personas_keep_theirs"):
                act = "settle"
            if st.button("Overwrite, discard their draft", key="danger-maker-overwrite"):
                act = "overwrite"
    return act


def _drafted(saved: PersonaSaved) -> Act:
    with parts.banner(
        "info",
        "Tavus put this into a draft of PAL Maker: it is not live yet.",
        "Calls go on with what was live before. Publish the draft there; until then your edits stay here as well.",
        key="drafted",
        icon="draft",
        stacked=True,
    ):
        if saved.publish_url.startswith("https://"):
            st.link_button("Publish in PAL Maker", saved.publish_url, icon=":material/open_in_new:")
        return "settle" if st.button("Close", key="personas_settle") else ""


def _refused(saved: PersonaSaved) -> Act:
    said = feedback.sentence(saved.error.message) if saved.error else ""
    rest = f"{said} Nothing was changed, and all that you typed is still here."
    with parts.banner("bad", "Tavus does not take this.", rest, key="refused", stacked=True):
        return "settle" if st.button("Close", key="personas_settle") else ""


def _unclear(saved: PersonaSaved, *, sandbox: bool) -> Act:
    act: Act = ""
    error = feedback.sentence(saved.error.message) if saved.error else ""
    with st.container(border=True, key="banner-warn-unclear", gap="small"):
        st.markdown(
            f":orange[:material/help:] **{_holds(saved)}** {md(error)}\n\n"
            f"{'This holds' if saved.persona else 'What holds is not known'} {words.at(sandbox)} now, field by field. "
            "Your edits are still here."
        )
        st.html(
            '<div class="gr-checks">'
            + "".join(
                f"<b>{html(change.label)}</b>{_chip(*_HELD[state])}<span>{html(_told(change, state))}</span>"
                for change, state in saved.held
            )
            + "</div>"
        )
        with st.container(horizontal=True, gap="xsmall"):
            if st.button("Review and save again", type="primary", key="personas_again"):
                act = "again"
            if saved.persona is not None and st.button(
                f"Take what is {words.at(sandbox)}, drop my edits", key="danger-unclear-take"
            ):
                act = "take"
    return act


def _afterwards(saved: PersonaSaved, *, sandbox: bool) -> Act:
    place = words.place(sandbox)
    if saved.dropped:
        return _dropped(saved.dropped, place)
    if saved.unrecorded is not None:
        cause = "Saved, but this state is not in the history."
        rest = f"{feedback.sentence(saved.unrecorded.message)} {saved.unrecorded.hint}"
    else:
        cause = "Saved, but it could not be read back."
        rest = f"The form shows what was sent. Reload the page to see what {place} has."
    with parts.banner("warn", cause, rest, key="afterwards", stacked=True):
        return "settle" if st.button("Close", key="personas_settle") else ""


def _dropped(dropped: Sequence[FieldChange], place: str) -> Act:
    count = "one field" if len(dropped) == 1 else f"{len(dropped)} fields"
    with st.container(border=True, key="banner-warn-dropped", gap="small"):
        st.markdown(
            f":orange[:material/warning:] **Saved, but {md(place)} keeps {count} otherwise than sent.** "
            "The form shows what is there now."
        )
        st.html(
            '<div class="gr-checks">'
            + "".join(
                f"<b>{html(change.label)}</b>"
                f"{_chip('Changed', 'orange', 'edit') if change.now else _chip('Left away', 'orange', 'remove')}"
                f"<span>sent: {html(_short(change.was))} · there now: {html(_short(change.now))}</span>"
                for change in dropped
            )
            + "</div>"
        )
        return "settle" if st.button("Close", key="personas_settle") else ""


def _holds(saved: PersonaSaved) -> str:
    return {
        LostSave.SAVED: "The answer was lost, but all of it was saved.",
        LostSave.NOT_SAVED: "The answer was lost, and nothing of it was saved.",
        LostSave.OTHER: "The answer was lost, and only a part of it was saved.",
    }.get(saved.holds, "The answer was lost: whether it was saved is not known.")


def _told(change: FieldChange, state: LostSave) -> str:
    if change.secret:
        return "A secret can’t be read back." if state is LostSave.UNKNOWN else ""
    if state is LostSave.SAVED:
        return _short(change.now)
    return f"you sent: {_short(change.now)}"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return (flat if len(flat) <= 120 else flat[:119].rstrip() + "…") or "empty"


def _chip(word: str, colour: str, icon: str) -> str:
    return f'<span class="gr-chip gr-{colour}"><i aria-hidden="true">{icon}</i>{word}</span>'
