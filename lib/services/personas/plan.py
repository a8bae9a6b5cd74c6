"""What applying files would do to the personas at Tavus: create, patch, nothing, or why not. Pure; never deletes.

Files match personas by name. What a file names and Tavus holds otherwise is changed; where the file says what it was
exported from, three sides are told apart, field by field: changed in the file (sent), changed at Tavus only (left
alone, and said), changed in both (a conflict, which only `overwrite` sends).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from lib.models import JsonObject, Persona
from lib.services.personas.base import Base
from lib.services.personas.content import content_of, older
from lib.services.personas.diff import FieldChange, changes, label, said
from lib.services.personas.fields import BY_KEY, MODE, NAME, REPLICA, FieldKind
from lib.services.personas.file_check import troubles_in
from lib.services.personas.files import FileRefused, FileTrouble, PersonaFile
from lib.services.personas.rows import ABSENT, Path, alike, copied, get, holds_secret, is_secret, leaves, put, remove


class Act(StrEnum):
    CREATE = "create"
    PATCH = "patch"
    NOTHING = "nothing"
    CONFLICT = "conflict"
    REFUSED = "refused"


@dataclass(frozen=True)
class PlanClash:
    """A field that was changed in the file and at Tavus since the file was exported."""

    label: str
    file: str
    live: str


@dataclass(frozen=True)
class PlanStep:
    """What becomes of one file. `before` and `after` are rows, for create and patch; they may hold secrets.

    `left` are the fields that were changed at Tavus only and stay as they are there.
    """

    act: Act
    file: str
    name: str = ""
    persona_id: str = ""
    changes: tuple[FieldChange, ...] = ()
    clashes: tuple[PlanClash, ...] = ()
    troubles: tuple[FileTrouble, ...] = ()
    notes: tuple[str, ...] = ()
    left: tuple[Path, ...] = ()
    before: JsonObject = field(default_factory=dict, repr=False)
    after: JsonObject = field(default_factory=dict, repr=False)
    source: PersonaFile | None = field(default=None, repr=False)


@dataclass(frozen=True)
class PersonasPlan:
    """`others` counts the account's own personas that no file names: nothing becomes of them."""

    steps: tuple[PlanStep, ...]
    others: int = 0

    def count(self, *acts: Act) -> int:
        return sum(step.act in acts for step in self.steps)

    @property
    def pending(self) -> int:
        return self.count(Act.CREATE, Act.PATCH)

    @property
    def refused(self) -> int:
        return self.count(Act.CONFLICT, Act.REFUSED)

    def summary(self) -> str:
        """One line of counts."""
        told = {
            Act.CREATE: "to create",
            Act.PATCH: "to change",
            Act.NOTHING: "with nothing to do",
            Act.CONFLICT: "in conflict",
            Act.REFUSED: "refused",
        }
        return counted((self.count(act), word) for act, word in told.items())


def plan(
    files: Sequence[PersonaFile | FileRefused],
    live: Iterable[Persona],
    *,
    overwrite: bool = False,
    replicas: Collection[str] | None = None,
) -> PersonasPlan:
    """One step a file, in their order.

    `live` are the account's personas; stock ones can't be changed and do not count. `replicas` are the ids that the
    account can use, None where they are not known. `overwrite` lets the files win over changes made at Tavus.
    """
    own = [persona for persona in live if not persona.stock]
    holders: dict[str, list[str]] = {}
    for file in files:
        if isinstance(file, PersonaFile):
            holders.setdefault(file.name, []).append(file.file)
    rest = [persona for persona in own if persona.name not in holders]

    def step(file: PersonaFile | FileRefused) -> PlanStep:
        if isinstance(file, FileRefused):
            return PlanStep(Act.REFUSED, file.file, troubles=file.troubles)
        matches = [persona for persona in own if persona.name == file.name]
        ambiguous = _ambiguous(file, matches, [other for other in holders[file.name] if other != file.file])
        if ambiguous is not None:
            return PlanStep(Act.REFUSED, file.file, file.name, troubles=(ambiguous,))
        return _change(file, matches[0], overwrite, replicas) if matches else _creation(file, rest, replicas)

    return PersonasPlan(tuple(map(step, files)), len(rest))


def counted(parts: Iterable[tuple[int, str]]) -> str:
    """ "1 to create, 2 to change."; what is not there is not said."""
    told = ", ".join(f"{count} {word}" for count, word in parts if count)
    return f"{told or 'Nothing'}."


def names_replica(file: PersonaFile | FileRefused) -> bool:
    """True if the file sets a default replica: then `plan` needs to know those of the account."""
    return isinstance(file, PersonaFile) and bool(file.fields.get(REPLICA.key))


def overlaid(file: PersonaFile, row: JsonObject) -> dict[str, object]:
    """The row as it would be if all that the file says were sent, in the older vocabulary; conflicts do not count."""
    out = older(row)
    for path, want in leaves(file.fields):
        if want is None:
            remove(out, path)
        elif want != {}:
            put(out, path, want)
    return out


def edited_here(file: PersonaFile, persona: Persona) -> bool:
    """True if the file holds a change that the persona lacks, other than what was changed at Tavus since its export."""
    before, fields = older(persona.raw), content_of(persona.raw).fields
    return any(
        _changed_since(file.base, path, want, fields)[0]
        for path, want in leaves(file.fields)
        if want != {} and not _settled(path, want, get(fields, path), get(before, path))
    )


def _ambiguous(file: PersonaFile, matches: Sequence[Persona], others: Sequence[str]) -> FileTrouble | None:
    line = file.line(NAME.path)
    if others:
        return FileTrouble(
            line, f"The name “{file.name}” is in {', '.join(sorted(others))} too: one persona, one file."
        )
    if len(matches) > 1:
        ids = ", ".join(sorted(persona.id for persona in matches))
        return FileTrouble(line, f"{len(matches)} personas are called “{file.name}” ({ids}): rename all but one first.")
    return None


def _creation(file: PersonaFile, rest: Sequence[Persona], replicas: Collection[str] | None) -> PlanStep:
    after = overlaid(file, {})
    troubles = tuple(troubles_in(file, {}, after, replicas))
    return PlanStep(
        Act.REFUSED if troubles else Act.CREATE, file.file, file.name,
        changes=changes({}, after), troubles=troubles, notes=(*_near(file, rest), *_unset(file, ())),
        after=after, source=file,
    )  # fmt: skip


def _change(file: PersonaFile, persona: Persona, overwrite: bool, replicas: Collection[str] | None) -> PlanStep:
    before, content = older(persona.raw), content_of(persona.raw)
    after = copied(before)
    left: list[Path] = []
    clashes: list[PlanClash] = []
    troubles: list[FileTrouble] = []
    for path, want in leaves(file.fields):
        have = get(content.fields, path)
        if want == {} or _settled(path, want, have, get(before, path)):
            continue
        mine, theirs = _changed_since(file.base, path, want, content.fields)
        if theirs and not overwrite:
            if mine:
                clashes.append(PlanClash(label(path), _said(path, want), _said(path, have)))
            else:
                left.append(path)
        elif want is None or (want == "" and ".".join(path) in BY_KEY):
            remove(after, path)
        elif (carried := _with_secrets(get(before, path), want)) is not None:
            put(after, path, carried)
        else:
            told = f"An entry of {'.'.join(path)} that holds a secret is changed here: change it in Greenroom instead."
            troubles.append(FileTrouble(file.line(path), told))
    found = changes(before, after)
    troubles += troubles_in(file, before, after, replicas) if found else ()
    act = Act.REFUSED if troubles else Act.CONFLICT if clashes else Act.PATCH if found else Act.NOTHING
    return PlanStep(
        act, file.file, file.name, persona.id, found, tuple(clashes), tuple(troubles),
        (*_left_alone(left), *_unset(file, content.secrets)), tuple(left), persona.raw, after, file,
    )  # fmt: skip


def _settled(path: Path, want: object, have: object, stored: object) -> bool:
    """True where Tavus has what the file wants, or would answer that nothing changed.

    Empty and not there are one to Tavus. A default that is removed comes back, and one of the language model's, or of
    the pipeline, is not told where it applies. (That of another layer counts: it can switch the layer on.)
    """
    default = _default(path)
    if want is None:
        return _empty(stored) or alike(stored, default)
    untold = have is ABSENT and path[:2] in (("layers", "llm"), MODE.path) and alike(want, default)
    return untold or alike(want, have) or (_empty(want) and _empty(have))


def _empty(value: object) -> bool:
    return value in (ABSENT, None, "", [], {})


def _default(path: Path) -> object:
    """What applies where the field is empty, as the wire says it; ABSENT where that is no plain value."""
    known = BY_KEY.get(".".join(path))
    if known is None:
        return ABSENT
    if known.kind is FieldKind.BOOL:
        return {"on": True, "off": False}.get(known.default, ABSENT)
    return known.default if known.default in known.choices else ABSENT


def _changed_since(base: Base | None, path: Path, want: object, live: JsonObject) -> tuple[bool, bool]:
    """Whether the file changed this field since it was exported, and whether Tavus did; without a base, the file."""
    if base is None:
        return True, False
    have = get(live, path)
    below = leaves(have, path) if isinstance(have, Mapping) else ((path, have),)
    held = list(below)
    mine = any(not base.says(at, ABSENT) for at, _ in held) if want is None else not base.says(path, want)
    return mine, any(not base.says(at, value) for at, value in held)


def _with_secrets(stored: object, want: object) -> object:
    """`want` with the secrets of the entries of a list that stay as they are; None if one of those is changed."""
    if not isinstance(stored, list) or not holds_secret(stored):
        return want
    out = list(want) if isinstance(want, list) else []
    for entry in stored:
        if is_secret("", entry) or holds_secret(entry):
            shown = content_of({"list": [entry]}).fields["list"]
            index = next((n for n, item in enumerate(out) if alike([item], shown)), None)
            if index is None:
                return None
            out[index] = entry
    return out


def _near(file: PersonaFile, rest: Sequence[Persona]) -> Iterator[str]:
    """Personas that may be meant: whose name is nearly this one, or was this file's name when it was exported."""
    for persona in rest:
        if _plain(persona.name) == _plain(file.name):
            yield f"The persona “{persona.name}” differs in capitals or spaces only. It stays; this makes another one."
        elif file.base is not None and file.base.says(NAME.path, persona.name):
            yield (
                f"This file was exported from “{persona.name}”, which stays; this makes another one. To rename a "
                "persona, rename it in Greenroom and export again."
            )


def _left_alone(paths: Sequence[Path]) -> Iterator[str]:
    if paths:
        names = ", ".join(map(label, paths))
        yield f"Changed at Tavus since the export, and left as it is there: {names}. Export again to take it over."


def _unset(file: PersonaFile, secrets: Collection[str]) -> Iterator[str]:
    for key in file.secrets:
        name = key.rpartition(".")[2]
        # A value that someone wrote into this list is not repeated.
        if key not in secrets and (key in BY_KEY or is_secret(name, "") or is_secret(name, {})):
            yield f"{key} was set where this file was exported and is not set here: set it in Greenroom."


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _said(path: Path, value: object) -> str:
    return said(ABSENT if value is None else value, BY_KEY.get(".".join(path)))
