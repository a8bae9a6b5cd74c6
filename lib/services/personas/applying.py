"""Applying a plan, one persona at a time: what was sent, what became of it, and what the file is now based on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from lib.errors import Ambiguous, GreenroomError, KeyRefused, NotSent
from lib.models import Persona
from lib.services.personas.base import Base
from lib.services.personas.content import content_of
from lib.services.personas.diff import NOT_SET, FieldChange
from lib.services.personas.plan import Act, PersonasPlan, PlanStep, counted
from lib.services.personas.saved import LostSave, PersonaSaved, SaveOutcome, dropped
from lib.services.personas.service import By, Personas

MAYBE_MADE = "It may have been made. Plan again: if it is there, nothing is to do."


@dataclass(frozen=True)
class Done:
    """What became of one step. `sent`: the persona is now as `step` wants it; `told` says so, or why not.

    `notes` is what else must be known, `base` what the file is based on from now on, None where it is not applied.
    """

    step: PlanStep
    ok: bool
    told: str
    notes: tuple[str, ...] = ()
    base: Base | None = field(default=None, repr=False)


def apply(
    plan: PersonasPlan,
    personas: Personas,
    by: By,
    *,
    overwrite: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Done]:
    """Do each step in its order; what it gives is done when it is given. Nothing is sent for what is refused.

    A persona that Tavus refuses does not keep the others from being tried; a key that is refused or a connection that
    can't be made does. `stopped` is asked before each step. `overwrite` also discards unpublished changes of PAL Maker.
    """
    lost = ""
    for step in plan.steps:
        if step.act in (Act.CREATE, Act.PATCH) and (lost or stopped()):
            yield Done(step, False, lost or "Not tried: stopped before it.")
            continue
        try:
            yield _done(step, personas, by, overwrite)
        except (KeyRefused, NotSent) as error:
            yield Done(step, False, f"{error.message} {error.hint}")
            lost = "Not tried, for the same reason."
        except GreenroomError as error:
            yield Done(step, False, f"{error.message} {error.hint}")


def outcome(done: Sequence[Done]) -> str:
    """One line of counts."""
    acts = {Act.CREATE: "created", Act.PATCH: "changed", Act.NOTHING: "with nothing to do"}
    parts = [(sum(one.ok and one.step.act is act for one in done), word) for act, word in acts.items()]
    return counted([*parts, (sum(not one.ok for one in done), "not done")])


def _done(step: PlanStep, personas: Personas, by: By, overwrite: bool) -> Done:
    match step.act:
        case Act.NOTHING:
            return Done(
                step, True, "Nothing to do.", base=_base(step, Persona(step.persona_id, step.name, step.before))
            )
        case Act.CREATE:
            try:
                made = personas.create(step.after, by)
            except Ambiguous as error:
                return Done(step, False, f"{error.message} {MAYBE_MADE}")
            # What Tavus adds by itself to a new persona is no loss.
            lost = tuple(change for change in dropped(step.after, made.raw) if change.was not in ("", NOT_SET))
            return Done(step, True, f"Created as {made.id}.", _otherwise(lost), _base(step, made))
        case Act.PATCH:
            before = Persona(step.persona_id, step.name, step.before)
            return _of(step, personas.save(before, step.after, by, force=overwrite))
        case Act.CONFLICT:
            return Done(step, False, "Not sent: it was changed in the file and at Tavus.")
        case Act.REFUSED:
            return Done(step, False, "Not sent: the file can't be used as it is.")


def _of(step: PlanStep, saved: PersonaSaved) -> Done:
    """A save's outcome in words."""
    ok, told = False, saved.error.message if saved.error else ""
    match saved.outcome:
        case SaveOutcome.SAVED:
            ok, told = True, "Changed."
        case SaveOutcome.NOTHING_CHANGED:
            ok, told = True, "Tavus says that nothing changed."
        case SaveOutcome.UNCLEAR:
            ok = saved.holds is LostSave.SAVED
            told = f"{told} {_HOLDS[saved.holds]}"
        case SaveOutcome.CONFLICT:
            theirs = saved.contested.their_changes if saved.contested else ()
            told = f"Not sent: changed at Tavus meanwhile ({', '.join(change.label for change in theirs)}). Plan again."
        case SaveOutcome.MAKER_DRAFT:
            told = (
                "Not sent: unpublished changes wait in PAL Maker. Publish or discard them there, or overwrite, which "
                "discards them."
            )
        case SaveOutcome.DRAFTED:
            told = f"It went into a draft of PAL Maker and is not live yet: publish it at {saved.publish_url}."
        case SaveOutcome.REFUSED:
            told = f"{told} {saved.error.hint if saved.error else ''}"
    notes = [*_otherwise(saved.dropped)]
    if saved.unrecorded is not None:
        notes.append(f"It is not in the history: {saved.unrecorded.message}")
    return Done(step, ok, told.strip(), tuple(notes), _base(step, saved.persona) if ok and saved.persona else None)


_HOLDS = {
    LostSave.SAVED: "Read back: it holds.",
    LostSave.NOT_SAVED: "Read back: nothing of it holds. Apply again.",
    LostSave.OTHER: "Read back: a part of it holds. Plan again to see what is missing.",
    LostSave.UNKNOWN: "It may have been saved. Plan again to see what is missing.",
}


def _otherwise(lost: tuple[FieldChange, ...]) -> tuple[str, ...]:
    names = ", ".join(change.label for change in lost)
    return (f"Tavus keeps otherwise than it was sent: {names}.",) if lost else ()


def _base(step: PlanStep, persona: Persona) -> Base:
    """What the file says from now on that it was exported from; what was left alone is still to be taken over."""
    base = Base.of(content_of(persona.raw).fields)
    old = step.source.base if step.source else None
    return base.keeping(old, step.left) if old is not None else base
