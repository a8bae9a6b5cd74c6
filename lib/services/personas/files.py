"""A persona as a file: YAML that a person can read, review and edit, and back. Pure: no disk, no request.

A file holds the fields of the wire by their names, in the order of the form. What a file does not name is left alone,
`null` removes it. `greenroom:` at its end is ours: which secrets were set, and what the file was exported from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lib.errors import BadInput
from lib.models import JsonObject, texts
from lib.services.personas.base import Base
from lib.services.personas.content import OLDER, Content, older
from lib.services.personas.fields import FIELDS, NAME, READ_ONLY, REPLICA, FieldKind
from lib.services.personas.rows import ABSENT, Path, copied, get, is_secret, remove

OURS = "greenroom"
HEAD = "# A persona of Tavus, written by Greenroom. What is not named here is left alone; null removes it.\n"
ENDINGS = (".yaml", ".yml")
MOST_BYTES = 1 << 20
ACCOUNT_IDS: tuple[Path, ...] = (
    REPLICA.path,
    ("document_ids",),
    ("guardrail_ids",),
    ("guardrails_id",),
    ("objectives_id",),
    ("tool_ids",),
    ("layers", "tts", "pronunciation_dictionary_id"),
)
"""Ids of things in one Tavus account, which another account does not have."""

_LONGEST_NAME = 60
_RESERVED = re.compile(r"con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]", re.IGNORECASE)
_RANK: dict[Path, int] = {}
for _index, _field in enumerate(FIELDS):
    for _length in range(1, len(_field.path) + 1):
        _RANK.setdefault(_field.path[:_length], _index)
_SECRET_PATHS = {known.path for known in FIELDS if known.kind in (FieldKind.SECRET, FieldKind.SECRETS)}


@dataclass(frozen=True)
class FileTrouble:
    """What is wrong in a file, at which line (0: nowhere in particular), and what to do about it."""

    line: int
    message: str


class FileRefused(BadInput):
    """The file is not used at all. `troubles` are the reasons."""

    code = "file_refused"

    def __init__(self, file: str, troubles: tuple[FileTrouble, ...]) -> None:
        first = troubles[0]
        place = f"{file}, line {first.line}" if first.line else file
        super().__init__(f"In {place}: {first.message}")
        self.file = file
        self.troubles = troubles


@dataclass(frozen=True)
class PersonaFile:
    """One file as it was read.

    `fields` is in the older vocabulary, nulls included. `secrets` are the paths that were set where it was exported,
    `lines` the line of each path in the file.
    """

    file: str
    fields: JsonObject
    secrets: tuple[str, ...] = ()
    base: Base | None = None
    lines: Mapping[Path, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.fields[NAME.key])

    def line(self, path: Path) -> int:
        """Where the file says something of `path`, or of what it belongs to; 0 if it does not."""
        return next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), 0)


def text(content: Content, *, ids: bool = False, stock: Collection[str] = (), base: bool = True) -> str:
    """The file of a persona. Raises BadInput for what no file can hold (a number that is none).

    `ids` keeps the ids of ACCOUNT_IDS. Without it only a default replica out of `stock` stays: Tavus's stock replicas
    have the same id in each account. `base` says what it was exported from, so that a later edit at Tavus is noticed.
    """
    from lib import yaml_text

    told = copied(content.fields)
    for path in () if ids else ACCOUNT_IDS:
        if path != REPLICA.path or str(get(told, path)) not in stock:
            remove(told, path)
    ours: dict[str, object] = {"secrets": list(content.secrets)} if content.secrets else {}
    if base:
        ours["based_on"] = str(Base.of(content.fields))
    try:
        return HEAD + yaml_text.write({**_ordered(told), **({OURS: ours} if ours else {})})
    except ValueError:
        name = content.fields.get(NAME.key)
        raise BadInput(f"{name} holds a number that no file can hold (NaN or infinity).", hint="Edit it.") from None


def read(file: str, raw: bytes) -> PersonaFile:
    """The persona that a file describes; `file` is its name. Raises FileRefused."""
    from lib import yaml_text

    if len(raw) > MOST_BYTES:
        told = f"It has more than {MOST_BYTES:,} bytes, which no persona needs: take it out of the folder."
        raise FileRefused(file, (FileTrouble(0, told),))
    try:
        found = yaml_text.read(raw)
    except yaml_text.YamlWrong as wrong:
        raise FileRefused(file, (FileTrouble(wrong.line, str(wrong)),)) from None
    given = dict(found.value)
    ours = given.pop(OURS, {})
    troubles = [*_own_troubles(ours, found.lines), *_troubles(given, found.lines)]
    if troubles:
        raise FileRefused(file, tuple(sorted(troubles, key=lambda trouble: trouble.line)))
    fields, lines = older(given), dict(found.lines)
    for alias, path in OLDER.items():
        if alias in lines:
            lines[path] = lines[alias]
    held = ours if isinstance(ours, Mapping) else {}
    base = Base.parse(str(held["based_on"])) if "based_on" in held else None
    return PersonaFile(file, fields, texts(held.get("secrets")), base, lines)


def rebased(raw: bytes, lines: Mapping[Path, int], base: Base) -> bytes | None:
    """A file's bytes with another `based_on` and nothing else changed; None where that can't be done safely."""
    number = lines.get((OURS, "based_on"), 0)
    parts = raw.splitlines(keepends=True)
    if not 0 < number <= len(parts):
        return None
    changed, count = re.subn(rb"^( +based_on: +)[\w.-]+", rb"\g<1>" + str(base).encode(), parts[number - 1])
    return b"".join([*parts[: number - 1], changed, *parts[number:]]) if count else None


def file_names(names: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """A file name for each persona's name, in order: a legal one on any system, and no two that clash.

    `taken` are names without their ending that are not to be given.
    """
    used = {_folded(stem) for stem in taken}
    out = []
    for name in names:
        stem = chosen = _stem(name)
        number = 1
        while _folded(chosen) in used:
            number += 1
            chosen = f"{stem}-{number}"
        used.add(_folded(chosen))
        out.append(chosen + ENDINGS[0])
    return out


def _folded(stem: str) -> str:
    """Equal for two names that any file system takes for one."""
    return unicodedata.normalize("NFKC", stem).casefold()


def _stem(name: str) -> str:
    signs = "".join(map(_sign, unicodedata.normalize("NFKC", name).lower()))
    words = re.sub("-+", "-", signs).strip("-")[:_LONGEST_NAME].strip("-")
    # Most file systems take 255 bytes at most.
    while len(words.encode("utf-8", "replace")) > 200:
        words = words[:-1]
    return f"{words}-persona" if _RESERVED.fullmatch(words) else words or "persona"


def _sign(sign: str) -> str:
    """Letters, digits and the marks on them stay, signs without width go, all others part words."""
    kind = unicodedata.category(sign)
    return sign if sign.isalnum() or kind[0] == "M" else "" if kind == "Cf" else "-"


def _ordered(node: JsonObject, path: Path = ()) -> dict[str, object]:
    """Known fields in the order of the form, then the others by their names."""
    rank = len(FIELDS)
    names = sorted(node, key=lambda name: (_RANK.get((*path, name), rank), name))
    return {
        name: _ordered(value, (*path, name)) if isinstance(value := node[name], Mapping) else value for name in names
    }


def _own_troubles(ours: object, lines: Mapping[Path, int]) -> Iterator[FileTrouble]:
    line = lines.get((OURS,), 0)
    if not isinstance(ours, Mapping) or ours.keys() - {"secrets", "based_on"}:
        yield FileTrouble(
            line, f"`{OURS}:` is Greenroom's own and holds `secrets` and `based_on` only: take the rest out."
        )
        return
    secrets = ours.get("secrets", [])
    if not isinstance(secrets, list) or not all(isinstance(path, str) for path in secrets):
        yield FileTrouble(
            lines[(OURS, "secrets")],
            "`secrets` lists which secrets were set, such as layers.llm.api_key, never their values.",
        )
    try:
        Base.parse(str(ours.get("based_on", "v1.")))
    except ValueError:
        yield FileTrouble(
            lines[(OURS, "based_on")], "`based_on` can't be read: export the file again, or take this line out."
        )


def _troubles(given: JsonObject, lines: Mapping[Path, int]) -> Iterator[FileTrouble]:
    for name in sorted(READ_ONLY & given.keys()):
        yield FileTrouble(lines[(name,)], f"{name} is written by Tavus: take it out.")
    for path in _secrets(given, ()):
        told = f"{'.'.join(path)} is a secret, and a file is no place for it: take the line out. Set it in Greenroom; "
        yield FileTrouble(lines.get(path, 0), f"{told}files leave it alone.")
    for alias, path in OLDER.items():
        if get(given, alias) is not ABSENT and get(given, path) is not ABSENT:
            yield FileTrouble(lines[alias], f"{'.'.join(alias)} and {'.'.join(path)} are one field: keep one of them.")
    names = [key for key in (NAME.key, *(alias[0] for alias in NAME.aliases)) if key in given]
    called = given[names[0]] if names else None
    if not isinstance(called, str) or not called.strip():
        at = lines.get((names[0],), 0) if names else 0
        yield FileTrouble(at, f"Give the persona its name: {NAME.key}: … Files are matched with personas by it.")


def _secrets(node: object, path: Path) -> Iterator[Path]:
    """Where a secret has a value, also an empty one. null removes it and is none."""
    entries = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for name, value in entries:
        here = (*path, str(name))
        if value is None:
            continue
        if is_secret(str(name), value) or here in _SECRET_PATHS:
            yield here
        else:
            yield from _secrets(value, here)
