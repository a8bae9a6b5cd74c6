"""Someone changed the persona at Tavus meanwhile: what both changed, and what the form is to hold after the choice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lib.models import MergeClash
from lib.services.personas import form as persona_form
from lib.services.personas.diff import changes
from lib.services.personas.fields import BY_KEY, FIELDS, FieldKind
from lib.services.personas.form import Value
from lib.services.personas.merge import Merge
from lib.services.personas.rows import alike
from lib.services.wording import words
from lib.ui.kit import conflict
from lib.ui.kit.conflict import Decision

WRITTEN = (FieldKind.TEXT, FieldKind.LONG, FieldKind.LINES)


def draw_persona_clashes(
    merge: Merge,
    base: Mapping[str, Any],
    mine: Mapping[str, Any],
    theirs: Mapping[str, Any],
    *,
    key: str,
    sandbox: bool,
) -> Decision:
    """Draw the clashes, each with its choice. `key` begins the keys of the widgets."""
    at = words.at(sandbox)
    clashing = {clash.key for clash in merge.clashes}
    alone = [[change.label for change in changes(base, side) if change.key not in clashing] for side in (theirs, mine)]
    what = f"**This persona was changed {at} while you edited it.** Nothing was sent and nothing is overwritten."
    return conflict.draw_clashes(
        merge.clashes, what=what, now=f"{at} now", theirs=alone[0], mine=alone[1], may_write=_may_write, key=key
    )


def _may_write(clash: MergeClash) -> bool:
    known = BY_KEY.get(clash.key)
    return known is not None and known.kind in WRITTEN and not clash.secret


def settled_values(
    merge: Merge, decision: Decision, mine: Mapping[str, Value], base: Mapping[str, Value], theirs: Mapping[str, Any]
) -> dict[str, Value]:
    """What the form on `theirs` is to hold: the merge with the chosen sides, secrets as they were typed.

    `mine` and `base` are the values of the form that clashed, and of the row that it was begun on.
    """
    held = persona_form.read(theirs)
    wanted = persona_form.read(merge.with_mine(decision.mine))
    typed = {key: value for key, value in wanted.items() if not _same(value, held[key])}
    clashing = {clash.key for clash in merge.clashes}
    for field in FIELDS:
        secret = (
            persona_form.kind(theirs, field) in (FieldKind.SECRET, FieldKind.SECRETS) or field.kind is FieldKind.SECRET
        )
        stays = field.key not in clashing or field.key in decision.mine
        if secret and stays and not persona_form.same(mine[field.key], base[field.key]):
            typed[field.key] = mine[field.key]
    return {**typed, **decision.written}


def _same(a: Value, b: Value) -> bool:
    """Equal also where both are the same JSON in another order."""
    if persona_form.same(a, b):
        return True
    try:
        return isinstance(a, str) and isinstance(b, str) and a[:1] in "[{" and alike(json.loads(a), json.loads(b))
    except ValueError:
        return False
