"""What became of a save: one small value for each way that it can go, and how what was asked compares with what is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from lib.errors import Ambiguous, Conflict, GreenroomError
from lib.models import JsonObject, Persona
from lib.services.personas.content import content_of, secrets_of
from lib.services.personas.diff import FieldChange, changes, compare
from lib.services.personas.fields import BY_KEY
from lib.services.personas.merge import Merge

_MASKED = re.compile(r"[*•]{3}")


class SaveOutcome(StrEnum):
    SAVED = "saved"
    NOTHING_CHANGED = "nothing_changed"  # no difference, or Tavus says so (304)
    CONFLICT = "conflict"  # someone else changed it since it was opened; nothing was sent, or all of it was refused
    MAKER_DRAFT = "maker_draft"  # unpublished changes in PAL Maker; nothing was done. `force` discards them
    DRAFTED = "drafted"  # it went into a draft of PAL Maker, which waits to be published at `publish_url`
    REFUSED = "refused"  # Tavus refused it (400, 422), in the words of `error`; nothing was done
    UNCLEAR = "unclear"  # the answer was lost; `held` tells field by field what holds as far as it could be read


class LostSave(StrEnum):
    """What holds of a change whose answer was lost."""

    SAVED = "saved"
    NOT_SAVED = "not saved"
    OTHER = "something else"  # neither what it was nor what was sent
    UNKNOWN = "not known"  # a secret, which can't be read back, or nothing could be read


@dataclass(frozen=True)
class Contested:
    """Both sides of a conflict. `theirs` is the persona as it is now, `their_changes` what was changed meanwhile.

    To go on, save `merge.row`, or `merge.with_mine(keys)`, over `theirs`.
    """

    base: JsonObject = field(repr=False)
    mine: JsonObject = field(repr=False)
    theirs: Persona = field(repr=False)
    merge: Merge
    their_changes: tuple[FieldChange, ...]


@dataclass(frozen=True)
class PersonaSaved:
    """The outcome of a save.

    `persona` is the persona as it was last read, None where it could not be read back. `changes` is what was to be
    saved. `dropped` names what Tavus keeps otherwise than it was sent: `was` is what was sent, `now` what is there.
    `unrecorded` says why the state is not in the history, None where it is.
    """

    outcome: SaveOutcome
    persona: Persona | None = field(default=None, repr=False)
    changes: tuple[FieldChange, ...] = ()
    dropped: tuple[FieldChange, ...] = ()
    contested: Contested | None = None
    held: tuple[tuple[FieldChange, LostSave], ...] = ()
    error: GreenroomError | None = None
    publish_url: str = ""
    unrecorded: GreenroomError | None = None

    @property
    def holds(self) -> LostSave:
        """Of an unclear save: all of it saved, none of it, a part (`something else`), or not known."""
        states = {state for _, state in self.held} - {LostSave.UNKNOWN}
        if not states:
            return LostSave.UNKNOWN
        return states.pop() if len(states) == 1 else LostSave.OTHER

    def checked(self) -> PersonaSaved:
        """Itself, if what was asked holds; for callers that have no page to ask on.

        Raises Conflict, UpstreamRejected, Ambiguous.
        """
        if self.outcome in (SaveOutcome.SAVED, SaveOutcome.NOTHING_CHANGED):
            return self
        if self.outcome is SaveOutcome.UNCLEAR and self.holds is LostSave.SAVED:
            return self
        if self.outcome is SaveOutcome.CONFLICT:
            raise Conflict(
                "The persona was changed at Tavus meanwhile. Nothing was sent over it.",
                code="changed_meanwhile",
                hint="Read it again, compare, then decide.",
            )
        if self.outcome is SaveOutcome.DRAFTED:
            raise Conflict(
                "The change went into a draft of PAL Maker and is not live.",
                code="drafted",
                hint="Publish the draft in PAL Maker.",
            )
        assert self.error is not None
        if self.outcome is SaveOutcome.MAKER_DRAFT:
            raise Conflict(self.error.message, status=409, code=self.error.code, hint=self.error.hint)
        if self.outcome is SaveOutcome.UNCLEAR:
            raise Ambiguous(
                self.error.message,
                status=self.error.status,
                code=self.error.code,
                hint="It may have been saved. Read it again before you send anything.",
            )
        raise self.error


def dropped(wanted: JsonObject, kept: JsonObject) -> tuple[FieldChange, ...]:
    """What Tavus keeps otherwise than it was sent. What it leaves away because it is the default is no loss."""
    return tuple(change for change in compare(content_of(wanted), content_of(kept)) if not _left_away(change))


def held(before: JsonObject, wanted: JsonObject, now: JsonObject) -> tuple[tuple[FieldChange, LostSave], ...]:
    """What holds of each change from `before` to `wanted`, judged by what was read `now`."""
    missing = {change.key for change in changes(wanted, now) if not _left_away(change)}
    moved = {change.key for change in changes(before, now)}
    masked = {key for key, value in secrets_of(now).items() if isinstance(value, str) and _MASKED.search(value)}

    def state(change: FieldChange) -> LostSave:
        if change.secret and change.key in masked:
            return LostSave.UNKNOWN
        if change.key not in missing:
            return LostSave.SAVED
        return LostSave.OTHER if change.key in moved else LostSave.NOT_SAVED

    return tuple((change, state(change)) for change in changes(before, wanted))


def _left_away(change: FieldChange) -> bool:
    """True for a default that was sent and is not shown when it is read."""
    field = BY_KEY.get(change.key)
    return field is not None and not change.now and change.was in (field.default, field.say(field.default))
