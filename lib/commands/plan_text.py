"""A plan and what became of it, as plain text for a terminal or a reviewer of a pipeline, and as JSON.

Whatever a name or prompt holds is shown as itself: what could move the cursor, hide text or turn its direction is
written as an escape.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lib.services.personas.applying import Done, outcome
from lib.services.personas.diff import FieldChange, excerpts
from lib.services.personas.folder import FileExport, Written
from lib.services.personas.plan import Act, PersonasPlan, PlanStep

SIGNS = {Act.CREATE: "+", Act.PATCH: "~", Act.NOTHING: "=", Act.CONFLICT: "!", Act.REFUSED: "x"}
WRITTEN = {
    Written.NEW: ("+", "written"),
    Written.CHANGED: ("~", "brought up to date"),
    Written.SAME: ("=", "as it is"),
    Written.KEPT: ("!", "kept"),
    Written.STRAY: ("?", "left"),
    Written.FAILED: ("x", "not written"),
}


def head(doing: str, place: Path, address: str) -> str:
    return f"{doing}: {plain(str(place))}, {plain(address)}\n"


def step(of: PlanStep) -> str:
    """One file: what would become of it, field by field."""
    name = f"  “{plain(of.name)}”" if of.name else ""
    return "\n".join([f"{SIGNS[of.act]} {plain(of.file)}{name}: {_headline(of)}", *_details(of)])


def done(of: Done) -> Iterator[str]:
    """What became of it, line by line, to be read under its step."""
    if not of.ok or of.step.act is not Act.NOTHING:
        yield f"    {'done' if of.ok else 'NOT DONE'}: {plain(of.told)}"
    yield from (f"    note: {plain(note)}" for note in of.notes)


def exported(of: FileExport) -> str:
    sign, word = WRITTEN[of.written]
    name = f"“{plain(of.name)}”" if of.name else ""
    title = "  ".join(filter(None, (plain(of.file), name)))
    return f"{sign} {title}: {word}. {plain(of.told)}".rstrip()


def others(plan: PersonasPlan) -> Iterator[str]:
    """A line about the account's own personas that no file is about."""
    if plan.others:
        has, are = ("has", "is") if plan.others == 1 else ("have", "are")
        yield f"{plan.others} of your personas {has} no file here and {are} left alone."


def result(steps: Sequence[Done]) -> str:
    """One line of what was done, and one that names what was not."""
    failed = ", ".join(plain(one.step.file) for one in steps if not one.ok)
    return f"{outcome(steps)}\nNot done: {failed}." if failed else outcome(steps)


def as_json(plan: PersonasPlan, steps: Sequence[Done] | None = None) -> dict[str, Any]:
    """The plan, with what became of each file if it was applied; for `json.dumps`."""
    became = {id(one.step): one for one in steps or ()}
    found = []
    for of in plan.steps:
        entry: dict[str, Any] = {
            "file": of.file,
            "name": of.name,
            "personaId": of.persona_id or None,
            "act": of.act.value,
            "changes": [
                {"field": change.key, "label": change.label, "was": change.was, "now": change.now}
                for change in of.changes
            ],
            "conflicts": [{"label": clash.label, "file": clash.file, "live": clash.live} for clash in of.clashes],
            "troubles": [{"line": trouble.line or None, "message": trouble.message} for trouble in of.troubles],
            "notes": list(of.notes),
        }
        one = became.get(id(of))
        if one is not None:
            entry.update(ok=one.ok, told=one.told, notes=[*of.notes, *one.notes])
        found.append(entry)
    return {"files": found, "counts": {act.value: plan.count(act) for act in Act}, "others": plan.others}


def plain(text: str) -> str:
    """One line that a terminal shows as it is written."""
    return "".join(_sign(sign) for sign in text)


def _sign(sign: str) -> str:
    seen = sign == " " or unicodedata.category(sign)[0] not in "CZ" or sign in "\u00a0\u200d"
    return sign if seen else sign.encode("unicode_escape").decode("ascii")


def _headline(of: PlanStep) -> str:
    count = len(of.changes)
    match of.act:
        case Act.CREATE:
            return "is created"
        case Act.PATCH:
            return f"{count} field{'s change' if count != 1 else ' changes'}"
        case Act.NOTHING:
            return "nothing to do"
        case Act.CONFLICT:
            return "conflict: changed in the file and at Tavus since the export"
        case Act.REFUSED:
            return "refused"


def _details(of: PlanStep) -> Iterator[str]:
    for trouble in of.troubles:
        yield f"    {f'line {trouble.line}: ' if trouble.line else ''}{plain(trouble.message)}"
    for clash in of.clashes:
        yield f"    {plain(clash.label)}"
        yield from _both(clash.live, clash.file, "Tavus", "file ")
    if of.clashes:
        yield "    Export into an empty folder to see Tavus's side, or apply with --overwrite to let the file win."
    for change in of.changes if of.act in (Act.CREATE, Act.PATCH) else ():
        yield f"    {plain(change.label)}"
        yield from _change(change)
    for note in of.notes:
        yield f"    note: {plain(note)}"


def _change(change: FieldChange) -> Iterator[str]:
    yield from _both(change.was, change.now, "-", "+")


def _both(was: str, now: str, old: str, new: str) -> Iterator[str]:
    """Two texts: line by line where they have several, cut to where they differ where they are one long line."""
    if "\n" not in was + now:
        was, now = excerpts(was, now) if was and now else (was, now)
    lines = list(difflib.unified_diff(was.split("\n") if was else [], now.split("\n") if now else [], lineterm="", n=1))
    words = {"-": old, "+": new, " ": " " * len(old)}
    for number, line in enumerate(lines[2:]):
        if line[0] != "@":
            yield f"      {words[line[0]]} {plain(line[1:])}"
        elif number:
            yield "      ..."
