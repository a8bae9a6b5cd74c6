"""Personas: read fresh, make, save behind a guard, restore, delete; catalogue and history are kept in step."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from lib.clients.tavus import Tavus
from lib.errors import Ambiguous, BadInput, Conflict, GreenroomError, NotFound, UpstreamRejected
from lib.models import Agent, JsonObject, Origin, Persona
from lib.services.agents.service import Agents
from lib.services.catalogue.catalogue import Catalogue
from lib.services.personas.content import onto
from lib.services.personas.diff import FieldChange, changes
from lib.services.personas.fields import READ_ONLY
from lib.services.personas.history import PersonaHistory, kept_content
from lib.services.personas.merge import merge
from lib.services.personas.patch import guarded, patch
from lib.services.personas.saved import Contested, LostSave, PersonaSaved, SaveOutcome, dropped, held

log = logging.getLogger(__name__)

Row = JsonObject


@dataclass(frozen=True)
class By:
    """Who does it, why, and from where: what the history tells of a state that was written."""

    actor: str = ""
    reason: str = ""
    origin: Origin = Origin.GREENROOM


@dataclass(frozen=True)
class Recreated:
    """A persona that was created anew. `agents` still use `old_id`; `unset` are the paths of secrets that it lacks."""

    persona: Persona = field(repr=False)
    old_id: str
    agents: tuple[Agent, ...]
    unset: tuple[str, ...]


@dataclass(frozen=True)
class _Sending:
    """A patch on its way: `steps` make `wanted` (None: not known) of `theirs`; `bare` are they without our guard."""

    theirs: Persona
    wanted: Row | None
    steps: Sequence[Row]
    bare: Sequence[Row]
    asked: tuple[FieldChange, ...]
    by: By


class Personas:
    """The account's personas at Tavus. Nothing here is billed."""

    def __init__(self, tavus: Tavus, catalogue: Catalogue, agents: Agents, history: PersonaHistory) -> None:
        self._tavus = tavus
        self._catalogue = catalogue
        self._agents = agents
        self.history = history

    def get(self, persona_id: str) -> Persona:
        """One request. Raises NotFound, UpstreamError."""
        asked_at = datetime.now(UTC)
        persona = self._tavus.personas.get(persona_id=persona_id)
        self._catalogue.persona_shelf.put(persona)
        self.history.saw(persona, asked_at)
        return persona

    def create(self, fields: Row, by: By | None = None, *, previous_id: str = "") -> Persona:
        """Make a persona of the wire's fields and read it back. Raises BadInput, UpstreamError.

        Once it is made, a reading that fails is no failure of the making: what was sent is given back instead.
        `previous_id` is the persona that it is created anew for.
        """
        sent = {key: value for key, value in fields.items() if key not in READ_ONLY}
        persona_id = self._tavus.personas.create(sent)
        with self.history.writing(persona_id):
            try:
                made = self.get(persona_id)
            except GreenroomError:
                self._catalogue.persona_shelf.forget()
                made = Persona(persona_id, str(sent.get("persona_name") or ""), {**sent, "persona_id": persona_id})
            self._record(made, None, by, previous_id=previous_id)
        return made

    def save(
        self, before: Persona, after: Row, by: By | None = None, *, force: bool = False, just_read: bool = False
    ) -> PersonaSaved:
        """Send what `after` changes of `before`, as the form began on it, unless someone else changed it since.

        Reads the persona afresh first (not if `just_read`: `before` is what Tavus has in this moment), guards every
        place that it writes over, and reads back what became of it. `force` discards unpublished changes of PAL Maker.
        Raises NotFound and every UpstreamError that is no outcome of its own.
        """
        theirs = before if just_read else self.get(before.id)
        asked = changes(before.raw, after)
        merged = merge(before.raw, after, theirs.raw)
        rest = patch(theirs.raw, merged.row)
        if not merged.clashes and not rest:
            return PersonaSaved(SaveOutcome.NOTHING_CHANGED, theirs, asked)
        moved = changes(before.raw, theirs.raw)
        if moved:
            contested = Contested(before.raw, after, theirs, merged, moved)
            return PersonaSaved(SaveOutcome.CONFLICT, theirs, asked, contested=contested)
        steps = guarded(theirs.raw, merged.row)
        bare = rest if len(rest) < len(steps) else ()
        return self._send(_Sending(theirs, merged.row, steps, bare, asked, by or By()), force=force)

    def patch(self, persona_id: str, operations: Sequence[Row], by: By | None = None) -> PersonaSaved:
        """Send an RFC 6902 patch as it is. Raises as `save`."""
        if not all(isinstance(step, Mapping) and "op" in step and "path" in step for step in operations):
            raise BadInput("Each step of a JSON Patch needs `op` and `path`.")
        before = self.get(persona_id)
        wanted = _applied(before.raw, operations)
        asked = changes(before.raw, wanted) if wanted is not None else ()
        return self._send(_Sending(before, wanted, operations, (), asked, by or By()), force=False)

    def restore(self, persona_id: str, snapshot_id: int, by: By | None = None, *, force: bool = False) -> PersonaSaved:
        """Save what the persona said then over what it says now; secrets at Tavus are left as they are.

        Where someone has looked at `restored` first, `save` that: it notices what was changed since they looked.
        Raises as `save`, and NotFound for the snapshot.
        """
        live = self.get(persona_id)
        after = self.restored(live, snapshot_id)
        return self.save(live, after, by or By(origin=Origin.RESTORE), force=force, just_read=True)

    def restored(self, live: Persona, snapshot_id: int) -> dict[str, object]:
        """The persona's row as `restore` would save it. Raises NotFound."""
        return onto(live.raw, self.history.content(snapshot_id))

    def delete(self, persona_id: str, by: By | None = None) -> None:
        """Delete at Tavus. Its history stays, and `recreate` undoes it; agents that use it stay and name it as missing.

        Raises NotFound, UpstreamError; Ambiguous only if it can't be found out whether it is deleted.
        """
        by = by or By()
        before = self.get(persona_id)
        with self.history.writing(persona_id):
            try:
                self._tavus.personas.delete(persona_id=persona_id)
            except NotFound:
                # It was there a moment ago: a first answer was lost, or someone else was as quick.
                pass
            except Ambiguous:
                if self._exists(persona_id):
                    raise
            self._catalogue.persona_shelf.drop(persona_id)
            try:
                self.history.deleted_here(before, actor=by.actor, reason=by.reason)
            except GreenroomError as error:
                log.warning("the deletion of a persona could not be kept: %s", error.message)

    def recreate(self, snapshot_id: int, by: By | None = None) -> Recreated:
        """Create a deleted persona anew, as it was in this snapshot: it gets a new id and goes on with the old history.

        Secrets are not kept and must be set again. Raises Conflict if it still exists, NotFound, UpstreamError.
        """
        snapshot = self.history.snapshot(snapshot_id)
        old_id = self.history.successor(snapshot.persona_id)
        if self._exists(old_id):
            raise Conflict("This persona is not deleted.", hint="Restore an earlier state instead.")
        content = kept_content(snapshot)
        made = self.create(content.fields, by or By(origin=Origin.RESTORE), previous_id=old_id)
        return Recreated(made, old_id, tuple(self.used_by(*self.history.chain(old_id))), content.secrets)

    def repoint(self, old_id: str, new_id: str, agent_ids: Collection[str], *, actor: str = "") -> list[Agent]:
        """Give these agents the new persona, those of them that still use the old one; the changed agents."""
        return self._agents.repoint(self.history.chain(old_id), new_id, agent_ids)

    def used_by(self, *persona_ids: str) -> list[Agent]:
        """The agents that would lose their persona."""
        return [agent for agent in self._agents.all() if agent.persona_id in persona_ids]

    def _send(self, sending: _Sending, *, force: bool) -> PersonaSaved:
        """Send the steps to make `wanted` of `theirs`, and find out what became of it."""
        theirs, asked = sending.theirs, sending.asked
        with self.history.writing(theirs.id):
            try:
                answer = self._tavus.personas.patch(persona_id=theirs.id, operations=sending.steps, force=force)
            except Ambiguous as error:
                return self._unclear(sending, error)
            except (UpstreamRejected, NotFound) as error:
                refusal: GreenroomError = error
            else:
                if answer.changed and not answer.publish_url:
                    return self._done(sending)
                outcome = SaveOutcome.DRAFTED if answer.publish_url else SaveOutcome.NOTHING_CHANGED
                return PersonaSaved(outcome, self._reread(theirs.id)[0], asked, publish_url=answer.publish_url)
        if refusal.code == "maker_changes":
            return PersonaSaved(SaveOutcome.MAKER_DRAFT, theirs, asked, error=refusal)
        if refusal.code not in (UpstreamRejected.code, NotFound.code):
            raise refusal
        return self._refused(sending, refusal, force=force)

    def _done(self, sending: _Sending) -> PersonaSaved:
        theirs, wanted = sending.theirs, sending.wanted
        now, unread = self._reread(theirs.id)
        written = now or (Persona(theirs.id, theirs.name, wanted) if wanted is not None else None)
        unrecorded = self._record(written, theirs, sending.by) if written is not None else unread
        lost = dropped(wanted, now.raw) if now is not None and wanted is not None else ()
        return PersonaSaved(SaveOutcome.SAVED, now, sending.asked, lost, error=unread, unrecorded=unrecorded)

    def _unclear(self, sending: _Sending, error: Ambiguous) -> PersonaSaved:
        theirs, wanted, asked = sending.theirs, sending.wanted, sending.asked
        now, _ = self._reread(theirs.id)
        if now is None or wanted is None:
            unknown = tuple((change, LostSave.UNKNOWN) for change in asked)
            return PersonaSaved(SaveOutcome.UNCLEAR, now, asked, held=unknown, error=error)
        unrecorded = self._record(now, theirs, sending.by) if changes(theirs.raw, now.raw) else None
        states = held(theirs.raw, wanted, now.raw)
        return PersonaSaved(SaveOutcome.UNCLEAR, now, asked, held=states, error=error, unrecorded=unrecorded)

    def _refused(self, sending: _Sending, refusal: GreenroomError, *, force: bool) -> PersonaSaved:
        """A `test` that failed is a conflict; where nothing had changed, it is the guard that Tavus does not take.

        Raises NotFound where it is the persona that Tavus does not know, and not something that it names.
        """
        theirs, wanted, asked = sending.theirs, sending.wanted, sending.asked
        now, unread = self._reread(theirs.id)
        if isinstance(unread, NotFound):
            raise unread
        if now is None or wanted is None:
            return PersonaSaved(SaveOutcome.REFUSED, now or theirs, asked, error=refusal)
        moved = changes(theirs.raw, now.raw)
        if moved:
            merged = merge(theirs.raw, wanted, now.raw)
            if not merged.clashes and not patch(now.raw, merged.row):
                return PersonaSaved(SaveOutcome.NOTHING_CHANGED, now, asked)
            contested = Contested(theirs.raw, wanted, now, merged, moved)
            return PersonaSaved(SaveOutcome.CONFLICT, now, asked, contested=contested, error=refusal)
        if refusal.status == 422 and sending.bare:
            log.info("Tavus refused a guarded patch of a persona that nobody had changed: sent without the guard")
            return self._send(replace(sending, steps=sending.bare, bare=()), force=force)
        return PersonaSaved(SaveOutcome.REFUSED, now, asked, error=refusal)

    def _reread(self, persona_id: str) -> tuple[Persona | None, GreenroomError | None]:
        try:
            return self.get(persona_id), None
        except GreenroomError as error:
            self._catalogue.persona_shelf.forget()
            return None, error

    def _record(
        self, persona: Persona, before: Persona | None, by: By | None, *, previous_id: str = ""
    ) -> GreenroomError | None:
        """Why the state could not be kept; None if it was. What was done at Tavus is done all the same."""
        by = by or By()
        try:
            self.history.wrote(
                persona, before, actor=by.actor, reason=by.reason, origin=by.origin, previous_id=previous_id
            )
        except GreenroomError as error:
            log.warning("the history of a persona could not be kept: %s", error.message)
            return error
        return None

    def _exists(self, persona_id: str) -> bool:
        try:
            self.get(persona_id)
        except NotFound:
            return False
        return True


def _applied(row: Row, operations: Sequence[Row]) -> dict[str, object] | None:
    """The row after these operations; None where that can't be told, as with paths in the other vocabulary."""
    import jsonpatch

    try:
        result = jsonpatch.apply_patch(dict(row), [dict(step) for step in operations])
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError):
        return None
    return result if isinstance(result, dict) else None
