"""What differs between two personas, as a person reads it: field by field, and word by word inside a text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from lib.models import JsonObject
from lib.services.personas.content import Content, content_of, older, secrets_of
from lib.services.personas.fields import BY_KEY, FIELDS, FieldKind, PersonaField, title
from lib.services.personas.rows import ABSENT, Path, alike, copied, dump, get, leaves, put, remove
from lib.services.personas.sequences import MOST_PAIRS, Block, blocks

SET, NOT_SET, REPLACED = "set", "not set", "replaced"

FEW_WORDS = 3
# Scripts that put no spaces between words are compared sign by sign.
_SIGNS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SIGNS}][^\S\n]*|[^\s{_SIGNS}]+[^\S\n]*|\n+|[^\S\n]+")
_BEHIND_A_WORD = re.compile(r"""[.,;:!?…)\]"'”’»]*(?:\s|$)""")
_END_OF_SENTENCE = re.compile(r"[.!?…。！？]\W*\s*$|\n$")


@dataclass(frozen=True)
class FieldChange:
    """One field: what it was and what it is now, in full, "" for nothing. `path` is in the older vocabulary.

    A secret is only ever `set`, `not set` or `replaced`.
    """

    path: Path
    label: str
    was: str
    now: str
    secret: bool = False

    @property
    def key(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True)
class Piece:
    """A part of a text: in both (`same`), only in the earlier one (`gone`), only in the later one (`new`)."""

    kind: Literal["same", "gone", "new"]
    text: str


def changes(before: JsonObject, after: JsonObject) -> tuple[FieldChange, ...]:
    """What differs between two rows, in the order of the form, then what Greenroom has no field for."""
    was, now = older(before), older(after, before)
    old, new = secrets_of(was), secrets_of(now)
    replaced = {key for key in old.keys() & new.keys() if not alike(old[key], new[key])}
    return _changes(content_of(was), content_of(now), replaced)


def compare(a: Content, b: Content) -> tuple[FieldChange, ...]:
    """What differs between two contents, of a snapshot, a file or a persona. A key that was replaced is not seen."""
    return _changes(a, b, set())


def said(value: object, field: PersonaField | None = None) -> str:
    """A value as a person reads it, "" for nothing."""
    if value in (ABSENT, None, "", [], {}):
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    if not isinstance(value, str):
        return dump(value)
    return field.say(value) if field is not None and field.kind is FieldKind.CHOICE else value


def label(path: Path) -> str:
    """What the place is called: its field's name, or its path."""
    for field in FIELDS:
        if path[: len(field.path)] == field.path:
            rest = ".".join(path[len(field.path) :])
            return f"{title(field)}: {rest}" if rest else title(field)
    return "Other: " + ".".join(path)


def words(was: str, now: str) -> tuple[Piece, ...]:
    """Two texts as pieces: `same` and `gone` joined give `was` exactly, `same` and `new` joined give `now`."""
    old, new = _WORD.findall(was), _WORD.findall(now)
    found = blocks(old, new)
    if len(found) == 1 and found[0].pairs > MOST_PAIRS:
        found = _sentence_by_sentence(old, new)
    return tuple(_pieces(old, new, _readable(old, new, found)))


def excerpts(was: str, now: str, around: int = 48, most: int = 360) -> tuple[str, str]:
    """Two texts cut to the part where they differ, with some of what stands around it."""
    if max(len(was), len(now)) <= most // 2:
        return was, now
    start = next((i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    end = 0
    while end < min(len(was), len(now)) - start and was[-1 - end] == now[-1 - end]:
        end += 1

    def cut(text: str) -> str:
        first, last = max(0, start - around), min(len(text), len(text) - end + around)
        if 0 < first < (word := text.find(" ", first, start)):
            first = word + 1
        part = text[first : min(last, first + most)]
        return ("… " if first else "") + part + (" …" if first + len(part) < len(text) else "")

    return cut(was), cut(now)


def _changes(a: Content, b: Content, replaced: Collection[str]) -> tuple[FieldChange, ...]:
    (was, was_names), (now, now_names) = _today(a), _today(b)
    found: list[FieldChange] = []
    for field in FIELDS:
        change = _of_field(field, was, now, _secret(field.key, a, b, replaced))
        old_name, new_name = was_names.get(field.key, ""), now_names.get(field.key, "")
        if change is None and old_name != new_name:
            change = FieldChange(field.path, title(field), _under(old_name, field), _under(new_name, field))
        found += [change] if change else []
    old, new = _unknown(was), _unknown(now)
    for path in dict.fromkeys((*old, *new)):
        if not alike(old.get(path, ABSENT), new.get(path, ABSENT)):
            found.append(FieldChange(path, label(path), said(old.get(path, ABSENT)), said(new.get(path, ABSENT))))
    for key in dict.fromkeys((*a.secrets, *b.secrets)):
        had, has = _secret(key, a, b, replaced)
        if key not in BY_KEY and had != has:
            path = tuple(key.split("."))
            found.append(FieldChange(path, label(path), had, has, secret=True))
    return tuple(found)


def _today(content: Content) -> tuple[JsonObject, dict[str, str]]:
    """The fields by the names of today, and by which name that Tavus has given up each was kept, if by one."""
    fields, names = content.fields, {}
    for field in FIELDS:
        old = next((path for path in field.legacy if get(fields, path) is not ABSENT), None)
        if old is not None and get(fields, field.path) is ABSENT:
            renamed = copied(fields)
            put(renamed, field.path, get(fields, old))
            remove(renamed, old)
            fields = renamed
            names[field.key] = old[-1]
    return fields, names


def _under(name: str, field: PersonaField) -> str:
    return f"under the older name {name}" if name else f"the same, under {field.path[-1]}"


def _unknown(fields: JsonObject) -> dict[Path, object]:
    """What no field shows."""
    known = {field.path for field in FIELDS}
    return {
        path: value for path, value in leaves(fields) if not any(path[:n] in known for n in range(1, len(path) + 1))
    }


def _of_field(field: PersonaField, a: JsonObject, b: JsonObject, secret: tuple[str, str]) -> FieldChange | None:
    was, now = get(a, field.path), get(b, field.path)
    if secret != (NOT_SET, NOT_SET):
        old, new = (said(value, field) or word for value, word in zip((was, now), secret, strict=True))
        return FieldChange(field.path, title(field), old, new, secret=True) if old != new else None
    if alike(was, now):
        return None
    return FieldChange(field.path, title(field), said(was, field), said(now, field))


def _secret(key: str, a: Content, b: Content, replaced: Collection[str]) -> tuple[str, str]:
    had, has = key in a.secrets, key in b.secrets
    return SET if had else NOT_SET, (REPLACED if key in replaced else SET) if has else NOT_SET


def _sentence_by_sentence(old: Sequence[str], new: Sequence[str]) -> list[Block]:
    """For texts with too many words to compare each with each: sentences, then the words of those that differ."""
    found: list[Block] = []
    was_ends, now_ends = _ends(old), _ends(new)
    was_said, now_said = _joined(old, was_ends), _joined(new, now_ends)
    for block in blocks(was_said, now_said):
        a, b, c, d = was_ends[block.was_from], was_ends[block.was_to], now_ends[block.now_from], now_ends[block.now_to]
        found += [inner.moved(a, c) for inner in blocks(old[a:b], new[c:d])]
    return found


def _ends(tokens: Sequence[str]) -> list[int]:
    """Where sentences begin and end, as numbers of words: the first is 0, the last the number of words."""
    inner = [n for n, token in enumerate(tokens, 1) if _END_OF_SENTENCE.search(token)]
    return [0, *(n for n in inner if n < len(tokens)), len(tokens)]


def _joined(tokens: Sequence[str], ends: Sequence[int]) -> list[str]:
    return ["".join(tokens[a:b]) for a, b in pairwise(ends)]


def _readable(old: Sequence[str], new: Sequence[str], found: Iterable[Block]) -> list[Block]:
    """Differences with only a few short equal words between them read as one: no confetti."""
    out: list[Block] = []
    for block in found:
        out.append(block)
        while len(out) > 1 and _crumb(old, new, out[-2], out[-1]):
            last = out.pop()
            out[-1] = Block(out[-1].was_from, last.was_to, out[-1].now_from, last.now_to)
    return out


def _crumb(old: Sequence[str], new: Sequence[str], a: Block, b: Block) -> bool:
    between = old[a.was_to : b.was_from]
    if len(between) > FEW_WORDS:
        return False
    length = len("".join(between).strip())
    return all(
        length <= max(_length(old[side.was_from : side.was_to]), _length(new[side.now_from : side.now_to]))
        for side in (a, b)
    )


def _length(tokens: Sequence[str]) -> int:
    return sum(map(len, tokens))


def _same_word(gone: str, added: str) -> int:
    """How many characters at the beginning of both are a whole word, with the signs behind it that both have."""
    at = next((n for n, (a, b) in enumerate(zip(gone, added, strict=False)) if a != b), min(len(gone), len(added)))
    while at and not all(_BEHIND_A_WORD.match(text, at) for text in (gone, added)):
        at -= 1
    return at


def _pieces(old: Sequence[str], new: Sequence[str], found: Iterable[Block]) -> Iterator[Piece]:
    at = 0
    for block in found:
        gone, added = "".join(old[block.was_from : block.was_to]), "".join(new[block.now_from : block.now_to])
        # A word holds the sign and the space behind it: where only these differ, the word itself is as before.
        kept = _same_word(gone, added)
        if same := "".join(old[at : block.was_from]) + gone[:kept]:
            yield Piece("same", same)
        if gone[kept:]:
            yield Piece("gone", gone[kept:])
        if added[kept:]:
            yield Piece("new", added[kept:])
        at = block.was_to
    if at < len(old):
        yield Piece("same", "".join(old[at:]))
