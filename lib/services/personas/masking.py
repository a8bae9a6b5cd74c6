"""A JSON Patch as it may be shown and copied: secrets are set or not set, never read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lib.redaction import Redaction
from lib.services.personas.content import OLDER, SECRET
from lib.services.personas.patch import Step
from lib.services.personas.rows import Path, is_secret

HIDDEN = "••••••"
_TEXTS = Redaction()


def masked(steps: Iterable[Step]) -> list[Step]:
    """The steps with HIDDEN in the place of each secret."""
    return [
        {**step, "value": _open(_path(str(step["path"])), step["value"])} if "value" in step else step for step in steps
    ]


def _path(pointer: str) -> Path:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def _open(path: Path, value: object) -> object:
    if value in (None, "", {}, []):
        return value
    if any(map(_inside, _ways(path))) or is_secret(path[-1] if path else "", value):
        return dict.fromkeys(value, HIDDEN) if isinstance(value, Mapping) else HIDDEN
    if isinstance(value, Mapping):
        return {name: _open((*path, name), item) for name, item in value.items()}
    if isinstance(value, list):
        return [_open((*path, str(index)), item) for index, item in enumerate(value)]
    return _TEXTS.text(value) if isinstance(value, str) else value


def _ways(path: Path) -> Iterator[Path]:
    """The path and each branch that it leads through."""
    yield from (path[:n] for n in range(1, len(path) + 1))


def _inside(path: Path) -> bool:
    """True for a branch in which everything is secret."""
    return OLDER.get(path, path) in SECRET or is_secret(path[-1], {})
