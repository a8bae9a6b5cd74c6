"""Personas as files on a page: export one or all, import after a look at what would happen. Opened as a dialog."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import streamlit as st

from lib.models import Origin, Persona, Replica
from lib.services.catalogue.catalogue import Listing
from lib.services.personas import exporting, files
from lib.services.personas.applying import Done, apply, outcome
from lib.services.personas.content import content_of
from lib.services.personas.diff import FieldChange
from lib.services.personas.files import FileRefused, PersonaFile
from lib.services.personas.plan import Act, PersonasPlan, PlanStep, names_replica, overlaid, plan
from lib.services.personas.service import By
from lib.services.wording import words
from lib.ui.kit import changes, context, feedback, lists, parts
from lib.ui.kit.context import Services
from lib.ui.kit.text import md, plain
from lib.ui.personas import compare, review
from lib.ui.personas.compare import Side

ALL = ""
FILE = "file"
"""What stands for a file among the sides that are compared."""
ROWS = 20
FEW = 5
"""So many fields of a file are shown without a click: nothing is applied unseen."""
MOST_MB = 20
_STATE, _ROUND, _COMPARED = "persona_files_import", "persona_files_round", "persona_files_compared"
_CHIPS = {
    Act.CREATE: "create",
    Act.PATCH: "change",
    Act.NOTHING: "unchanged",
    Act.CONFLICT: "conflict",
    Act.REFUSED: "refused",
}
_FIRST = (Act.REFUSED, Act.CONFLICT, Act.CREATE, Act.PATCH, Act.NOTHING)


@dataclass
class _Import:
    """What was chosen and what is planned for it; `done` fills, step by step, once `begun`, for this `reason`."""

    chosen: tuple[str, ...]
    read: Sequence[PersonaFile | FileRefused]
    plan: PersonasPlan
    overwrite: bool = False
    begun: bool = False
    reason: str = ""
    done: list[Done] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.begun and len(self.done) == len(self.plan.steps)


def button() -> bool:
    """What opens the dialog: `open_files` in the same run."""
    return st.button("Files", icon=":material/folder_open:", key="persona_files_open")


def open_files(services: Services, personas: Listing[Persona], replicas: Listing[Replica] | None) -> None:
    """Open the dialog, with an empty field for files: what was chosen the last time is over."""
    st.session_state.pop(_STATE, None)
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    _dialog(services, personas, replicas)


def side_of_file(live: Persona | None) -> dict[str, Side]:
    """The chooser of a file on the page that compares; what the persona would be with it, if one is chosen."""
    with st.popover("File", icon=":material/draft:"):
        upload = st.file_uploader(
            "Persona file (.yaml)", ["yaml", "yml"], max_upload_size=MOST_MB, key="persona_files_compare"
        )
        with feedback.section("read the file", retry=False):
            if upload is None:
                st.caption("It is only compared: nothing is sent.")
                st.session_state.pop(_COMPARED, None)
                return {}
            read = files.read(upload.name, upload.getvalue())
            if st.session_state.get(_COMPARED) != upload.file_id:
                st.session_state[_COMPARED] = upload.file_id
                st.session_state[compare.RIGHT] = FILE
            content = partial(content_of, overlaid(read, live.raw if live else {}))
            return {FILE: Side(f"As {plain(upload.name, 80)} would make it", content)}
    return {}


@st.dialog("Personas as files", width="large", icon=":material/folder_open:")
def _dialog(services: Services, personas: Listing[Persona], replicas: Listing[Replica] | None) -> None:
    way = st.segmented_control(
        "What to do", ("Export", "Import"), default="Export", required=True, label_visibility="collapsed",
        key="persona_files_way",
    )  # fmt: skip
    if way == "Import":
        _import(services)
    else:
        with feedback.section("export the personas", retry=False):
            _export(personas, replicas)


def _export(personas: Listing[Persona], replicas: Listing[Replica] | None) -> None:
    own = {persona.id: persona for persona in personas.items if not persona.stock}
    if not own:
        parts.empty("Nothing to export yet", "Tavus's stock personas can't be changed; copy one to make it yours.",
                    key="persona-files")  # fmt: skip
        return
    chosen = st.selectbox(
        "Persona", [ALL, *own], key="persona_files_which",
        format_func=lambda key: plain(own[key].name, 120) if key else f"All of yours ({len(own)})",
    )  # fmt: skip
    ids = st.checkbox(
        "With ids that only this account has", key="persona_files_ids",
        help="Documents, guardrails, objectives, tools, and a default replica of your own. Another account does not "
             "have them.",
    )  # fmt: skip
    stock = frozenset(replica.id for replica in replicas.items if replica.stock) if replicas else frozenset()
    if replicas is None and not ids:
        st.caption("The replicas can't be read now, so that no default replica is in the files.")
    st.caption("Secrets such as keys are never in a file; it says which were set.")
    data: str | Callable[[], bytes]
    if chosen:
        data, name = (
            files.text(content_of(own[chosen].raw), ids=ids, stock=stock),
            files.file_names([own[chosen].name])[0],
        )
    else:
        everyone = list(own.values())
        data, name = lambda: exporting.archive(everyone, ids=ids, stock=stock), "personas.zip"
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.download_button(
            f"Download {md(name, 80)}", data, name, "application/zip" if not chosen else "application/yaml",
            type="primary", icon=":material/download:", on_click="ignore", key="persona_files_download",
        )  # fmt: skip


def _import(services: Services) -> None:
    uploads = st.file_uploader(
        "Persona files (.yaml), or a ZIP of them", ["yaml", "yml", "zip"], accept_multiple_files=True,
        max_upload_size=MOST_MB, key=f"persona_files_upload_{st.session_state.get(_ROUND, 0)}",
    )  # fmt: skip
    if not uploads:
        st.session_state.pop(_STATE, None)
        st.caption("You see what would happen first. Nothing is sent before you say so.")
        return
    with feedback.section("plan the import"):
        found = _planned(services, uploads)
        _act_on(services, found)


def _planned(services: Services, uploads: Sequence[Any]) -> _Import:
    """The plan for these files: made when they are chosen, from what Tavus has then; a rerun asks nobody."""
    chosen = tuple(upload.file_id for upload in uploads)
    known: _Import | None = st.session_state.get(_STATE)
    if known is not None and known.chosen == chosen:
        return known
    packed = [(upload.name, upload.getvalue()) for upload in uploads]
    read = [_read(name, raw) for pack in packed for name, raw in exporting.unpacked(*pack)]
    made = _Import(chosen, read, _plan(services, read, overwrite=False, fresh=True))
    st.session_state[_STATE] = made
    return made


def _read(name: str, raw: bytes) -> PersonaFile | FileRefused:
    try:
        return files.read(name, raw)
    except FileRefused as refused:
        return refused


def _plan(
    services: Services, read: Sequence[PersonaFile | FileRefused], *, overwrite: bool, fresh: bool
) -> PersonasPlan:
    own = exporting.own(services.catalogue.personas(max_age_s=0 if fresh else None))
    replicas = None
    if any(map(names_replica, read)):
        replicas = {replica.id for replica in services.catalogue.replicas(max_age_s=60).items}
    return plan(read, own, overwrite=overwrite, replicas=replicas)


def _act_on(services: Services, found: _Import) -> None:
    # render
    if found.begun and not found.finished:
        _go_on(services, found)
    place = parts.banner(*_verdict(found, services), key="persona-files", stacked=True)
    again = found.finished and not all(one.ok for one in found.done)
    plan_again = again and place.button("Plan again", icon=":material/refresh:", key="persona_files_again")
    _rows(found)
    overwrite, go, reason = (found.overwrite, False, found.reason) if found.begun else _ask(found, services)
    close = found.finished and _right("Close", "persona_files_close")

    # act
    if plan_again or overwrite != found.overwrite:
        found.overwrite, found.begun, found.done = overwrite, False, []
        found.plan = _plan(services, found.read, overwrite=overwrite, fresh=bool(plan_again))
        st.rerun(scope="fragment")
    if go:
        found.begun, found.reason = True, reason
        st.rerun(scope="fragment")
    if close:
        st.rerun()


def _verdict(found: _Import, services: Services) -> tuple[parts.Kind, str, str]:
    """What would happen, or what happened, as a banner says it."""
    if found.finished:
        failed = any(not one.ok for one in found.done)
        rest = "Export again, and your files know what they are based on." if not failed else "Each row says why."
        return "warn" if failed else "good", outcome(found.done), rest
    told = found.plan.summary()
    if found.plan.refused:
        rest = "The rest can be applied without it." if found.plan.pending else "Nothing can be applied as it is."
        return "warn", told, f"What is refused or in conflict is not sent. {rest}"
    if not found.plan.pending:
        return "good", told, f"{words.place(services.sandbox).capitalize()} already has what the files say."
    return "info", told, "Nothing was sent yet."


def _ask(found: _Import, services: Services) -> tuple[bool, bool, str]:
    """Whether the files win over what was changed at Tavus, whether to apply, and why."""
    overwrite, steps = found.overwrite, found.plan.steps
    if overwrite or any(step.clashes or step.left for step in steps):
        overwrite = st.checkbox(
            "Let the files win over what was changed at Tavus", value=found.overwrite, key="persona_files_overwrite",
            help="Also discards changes in PAL Maker that are not published.",
        )  # fmt: skip
    count = found.plan.pending
    if not count:
        return overwrite, False, ""
    reason = review.reason_field("persona_files_reason", found.reason)
    label = f"Apply to {count} persona{'s' if count > 1 else ''} {words.at(services.sandbox)}"
    return overwrite, _right(label, "persona_files_apply", icon=":material/check:"), reason


def _right(label: str, key: str, icon: str | None = None) -> bool:
    with st.container(horizontal=True, horizontal_alignment="right"):
        return st.button(label, type="primary", icon=icon, key=key)


def _go_on(services: Services, found: _Import) -> None:
    """Apply what is left to do. A click that stops the run between two personas starts it again here."""
    by, total = By(context.actor(), found.reason, Origin.FILE), len(found.plan.steps)
    bar = st.progress(len(found.done) / total, "Applying. Keep this open.")
    for one in apply(
        PersonasPlan(found.plan.steps[len(found.done) :]), services.personas, by, overwrite=found.overwrite
    ):
        # Kept before anything is drawn: drawing is where a run is stopped.
        found.done.append(one)
        bar.progress(len(found.done) / total, f"{len(found.done)} of {total}. Keep this open.")
    bar.empty()


def _rows(found: _Import) -> None:
    became = {id(one.step): one for one in found.done}
    steps = sorted(found.plan.steps, key=lambda step: _FIRST.index(step.act))
    with st.container(border=True, key="rows-persona-files", gap="small"):
        for step in lists.one_page(steps, ROWS, "persona_files_page"):
            with st.container(gap="xsmall"):
                _row(step, became.get(id(step)))
    lists.pager(len(steps), ROWS, "persona_files_page", "files")


def _row(step: PlanStep, done: Done | None) -> None:
    chip = _CHIPS[step.act] if done is None or step.act is Act.NOTHING else "done" if done.ok else "not_done"
    name = f"**{md(step.name, 120)}** :small[:gray[{md(step.file, 120)}]]" if step.name else f"**{md(step.file, 120)}**"
    told = [f"Line {trouble.line}: {trouble.message}" if trouble.line else trouble.message for trouble in step.troubles]
    if step.clashes:
        told.append(
            "Changed in the file and at Tavus since the export. Struck through is at Tavus, underlined in the file."
        )
    told += step.notes
    if done is not None and step.act is not Act.NOTHING:
        told += [done.told] if step.act is not Act.REFUSED else []
        told += done.notes
    st.markdown("  \n".join([f"{parts.chip_md(chip)} {name}", *(f":small[:gray[{md(line)}]]" for line in told)]))
    if step.clashes:
        sides = [FieldChange((), clash.label, clash.live, clash.file) for clash in step.clashes]
        changes.draw_changes(sides, names=("at Tavus", "in the file"))
    elif done is None and step.act in (Act.CREATE, Act.PATCH):
        one, many = ("is set", "are set") if step.act is Act.CREATE else ("changes", "change")
        count = len(step.changes)
        with st.expander(f"{count} fields {many}" if count > 1 else f"1 field {one}", expanded=count <= FEW):
            changes.draw_changes(step.changes)
