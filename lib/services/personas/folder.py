"""A folder of persona files on disk: read what is there, write what Tavus has without losing what was typed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from lib.errors import BadInput
from lib.models import Persona
from lib.services.personas import files
from lib.services.personas.base import Base
from lib.services.personas.content import content_of
from lib.services.personas.files import FileRefused, FileTrouble, PersonaFile
from lib.services.personas.plan import edited_here


@dataclass(frozen=True)
class FolderFile:
    """One file of the folder: its path, its bytes, and the persona in it or why there is none."""

    path: Path
    raw: bytes = field(repr=False)
    read: PersonaFile | FileRefused = field(repr=False)


class Written(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    KEPT = "kept"  # holds changes that were not applied: not written over
    FAILED = "failed"
    STRAY = "stray"  # no persona is called so: left as it is


@dataclass(frozen=True)
class FileExport:
    """What became of one file. `told` says more where that is needed, "" elsewhere."""

    file: str
    name: str
    written: Written
    told: str = ""

    @property
    def ok(self) -> bool:
        return self.written not in (Written.KEPT, Written.FAILED)


_STRAY = "No persona is called so any more. Delete the file, or applying it creates the persona anew."
_NAMELESS = "It has no name, and files are matched with personas by their names. Give it one."
_KEPT = "It holds changes that are not applied. Apply them first, or export with --overwrite to lose them."


def read(place: Path) -> list[FolderFile]:
    """The persona files of a folder, or the one file, by name. Raises BadInput where there is none."""
    if not place.exists():
        raise BadInput(f"{place} does not exist.", hint="Name a folder of persona files, or one file.")
    found = [_found(path) for path in ([place] if place.is_file() else _paths(place))]
    if not found:
        raise BadInput(
            f"{place} holds no persona files (*.yaml).", hint="Name another folder, or export into it first."
        )
    return found


def rebase(found: FolderFile, base: Base) -> bool:
    """Say in the file that it was now exported from `base`. False if it does not say from what, or can't be written."""
    if not isinstance(found.read, PersonaFile) or found.read.base in (None, base):
        return False
    raw = files.rebased(found.raw, found.read.lines, base)
    if raw is None:
        return False
    try:
        # What was typed while the personas were being changed is worth more than a fresh base.
        if found.path.read_bytes() != found.raw:
            return False
        _write(found.path, raw)
    except OSError:
        return False
    return True


def export(
    place: Path,
    personas: Sequence[Persona],
    *,
    whole: bool = True,
    ids: bool = False,
    base: bool = True,
    stock: Collection[str] = (),
    overwrite: bool = False,
) -> list[FileExport]:
    """Write each of these personas into the file that has its name already, or into a new one.

    A file with changes that were not applied stays as it is, unless `overwrite`; a file that can't be read always does.
    `whole`: these are all personas, so that a file of another name is a stray. Raises BadInput for an unusable folder.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{place} can't be used as a folder ({_why(error)}).", hint="Name another one.") from None
    there = {path: _found(path) for path in _paths(place)}
    nameless = [persona for persona in personas if not persona.name.strip()]
    out = [FileExport("", persona.id, Written.FAILED, _NAMELESS) for persona in nameless]
    named = [persona for persona in personas if persona.name.strip()]
    for persona, path in _places(place, named, list(there.values())):
        old = there.pop(path, None)
        try:
            raw = files.text(content_of(persona.raw), ids=ids, stock=stock, base=base).encode()
            written = _put(path, raw, old, persona, overwrite)
            out.append(FileExport(path.name, persona.name, written, _KEPT if written is Written.KEPT else ""))
        except OSError as error:
            out.append(FileExport(path.name, persona.name, Written.FAILED, f"It can't be written: {_why(error)}."))
        except BadInput as error:
            out.append(FileExport(path.name, persona.name, Written.FAILED, f"{error.message} {error.hint}"))
    return [*out, *(_left(found) for found in there.values() if whole or isinstance(found.read, FileRefused))]


def _left(found: FolderFile) -> FileExport:
    if isinstance(found.read, FileRefused):
        return FileExport(found.path.name, "", Written.FAILED, f"{found.read.message} It was left as it is.")
    return FileExport(found.path.name, found.read.name, Written.STRAY, _STRAY)


def _put(path: Path, raw: bytes, old: FolderFile | None, persona: Persona, overwrite: bool) -> Written:
    if old is None:
        _write(path, raw)
        return Written.NEW
    if isinstance(old.read, PersonaFile):
        if not overwrite and edited_here(old.read, persona):
            return Written.KEPT
        now = files.read(path.name, raw)
        # What a person wrote around it, such as comments, stays as long as the file says the same.
        if (old.read.fields, old.read.secrets, old.read.base) == (now.fields, now.secrets, now.base):
            return Written.SAME
    _write(path, raw)
    return Written.CHANGED


def _places(place: Path, personas: Iterable[Persona], there: Sequence[FolderFile]) -> list[tuple[Persona, Path]]:
    """The path of each persona's file: that which has its name now, else a new one. Namesakes go by their age."""
    ordered = sorted(personas, key=lambda persona: (str(persona.raw.get("created_at") or ""), persona.id))
    held: dict[str, list[Path]] = {}
    # The shortest name is the oldest: guide, guide-2, guide-10.
    for found in sorted(there, key=lambda one: (len(one.path.stem), one.path.stem)):
        if isinstance(found.read, PersonaFile):
            held.setdefault(found.read.name, []).append(found.path)
    out: list[tuple[Persona, Path]] = []
    new: list[Persona] = []
    for persona in ordered:
        paths = held.get(persona.name)
        if paths:
            out.append((persona, paths.pop(0)))
        else:
            new.append(persona)
    names = files.file_names([persona.name for persona in new], [found.path.stem for found in there])
    out += [(persona, place / name) for persona, name in zip(new, names, strict=True)]
    return sorted(out, key=lambda one: one[1].name.casefold())


def _paths(place: Path) -> list[Path]:
    try:
        paths = [path for path in place.iterdir() if path.suffix.lower() in files.ENDINGS and path.is_file()]
    except OSError as error:
        raise BadInput(f"{place} can't be read ({_why(error)}).", hint="Name a folder of persona files.") from None
    return sorted((path for path in paths if not path.name.startswith(".")), key=lambda path: path.name.casefold())


def _found(path: Path) -> FolderFile:
    raw = b""
    try:
        with path.open("rb") as stream:
            # One byte more than is read of any file: then it is refused as too large.
            raw = stream.read(files.MOST_BYTES + 1)
        return FolderFile(path, raw, files.read(path.name, raw))
    except OSError as error:
        return FolderFile(path, raw, FileRefused(path.name, (FileTrouble(0, f"It can't be opened: {_why(error)}."),)))
    except FileRefused as refused:
        return FolderFile(path, raw, refused)


def _write(path: Path, raw: bytes) -> None:
    """Whole or not at all, so that a full disk or Ctrl-C leaves what was there."""
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name}.writing")
    try:
        beside.write_bytes(raw)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
