"""What is wrong with a persona's file, found before anything is sent: the form's rules, and the kinds of values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from lib.models import JsonObject
from lib.services.personas import check, form
from lib.services.personas.fields import FIELDS, REPLICA, FieldKind, PersonaField
from lib.services.personas.files import FileTrouble, PersonaFile
from lib.services.personas.rows import ABSENT, Path, alike, get

MAPPING = "a mapping (lines of `name: value`, indented)"


def troubles_in(
    file: PersonaFile, before: JsonObject, after: JsonObject, replicas: Collection[str] | None
) -> Iterator[FileTrouble]:
    """What would be refused, or do harm, if it were sent."""
    misfits = tuple(_misfits(file, before, after))
    yield from misfits
    unseen = form.alien(after)
    for problem in () if misfits else check.problems(before, form.read(after)):
        if problem.key != form.OTHER and problem.key not in unseen:
            yield FileTrouble(file.line(tuple(problem.key.split("."))), f"{problem.label}: {problem.message}")
    replica = get(after, REPLICA.path)
    if replicas is not None and replica and replica != get(before, REPLICA.path) and replica not in replicas:
        told = f"{REPLICA.key}: this account has no replica {replica}. Name another, or take the line out."
        yield FileTrouble(file.line(REPLICA.path), told)


def _misfits(file: PersonaFile, before: JsonObject, after: JsonObject) -> Iterator[FileTrouble]:
    """Values of a kind that their field can't be."""
    told: set[Path] = set()
    for known in FIELDS:
        for length in range(1, len(known.path) + 1):
            path = known.path[:length]
            value = get(after, path)
            if path in told or value in (ABSENT, None) or alike(value, get(before, path)):
                continue
            word = _wrong(known, value) if length == len(known.path) else "" if isinstance(value, Mapping) else MAPPING
            if word:
                told.add(path)
                yield FileTrouble(file.line(path), f"{'.'.join(path)} must be {word}.")


def _wrong(known: PersonaField, value: object) -> str:
    """What a value of this field must be, where it is not; else ""."""
    match known.kind:
        case FieldKind.BOOL:
            return "" if isinstance(value, bool) else "true or false"
        case FieldKind.NUMBER:
            return "" if type(value) in (int, float) else "a number"
        case FieldKind.LINES:
            fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
            return "" if fits else "a list of texts (lines that begin with a dash)"
        case FieldKind.JSON | FieldKind.SECRETS:
            return "" if isinstance(value, known.shape) else MAPPING if known.shape is dict else "a list"
        case _:
            return "" if isinstance(value, str) else "text: put it in quotes"
