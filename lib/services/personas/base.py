"""What a persona said when a file of it was written: one short line that tells later who changed what since.

Holds three bytes of SHA-256 for each field's path and three for its value: enough to see that a field changed, and no
copy of it. Secrets are not among the fields.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping

from lib.models import JsonObject
from lib.services.personas.rows import ABSENT, Path, leaves

PREFIX = "v1."
_BYTES = 3


class Base:
    """The fields of a persona as they were. `Base.parse(str(base))` is the same base."""

    def __init__(self, marks: Mapping[bytes, bytes]) -> None:
        self._marks = dict(marks)

    @classmethod
    def of(cls, fields: JsonObject) -> Base:
        return cls({_mark("\0".join(path)): _value(value) for path, value in leaves(fields)})

    @classmethod
    def parse(cls, text: str) -> Base:
        """Raises ValueError for anything but what `str` gives."""
        raw = b64decode(text.removeprefix(PREFIX), altchars="-_", validate=True)
        if not text.startswith(PREFIX) or len(raw) % (2 * _BYTES):
            raise ValueError("not a base")
        entries = (raw[at : at + 2 * _BYTES] for at in range(0, len(raw), 2 * _BYTES))
        return cls({entry[:_BYTES]: entry[_BYTES:] for entry in entries})

    def __str__(self) -> str:
        # Six bytes an entry make eight letters: there is never a "=" at the end.
        return PREFIX + urlsafe_b64encode(b"".join(key + self._marks[key] for key in sorted(self._marks))).decode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Base) and self._marks == other._marks

    def __hash__(self) -> int:
        return hash(str(self))

    def says(self, path: Path, value: object) -> bool:
        """True if the field at `path` had this value; ABSENT: that there was none."""
        return self._marks.get(_mark("\0".join(path))) == (None if value is ABSENT else _value(value))

    def keeping(self, older: Base, paths: Iterable[Path]) -> Base:
        """This base, but with what `older` says of `paths`."""
        marks = dict(self._marks)
        for path in paths:
            key = _mark("\0".join(path))
            marks.pop(key, None)
            if key in older._marks:
                marks[key] = older._marks[key]
        return Base(marks)


def _value(value: object) -> bytes:
    return _mark(_canonical(value))


def _canonical(value: object) -> str:
    return json.dumps(_whole(value), sort_keys=True)


def _whole(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _whole(item) for name, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _mark(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_BYTES]
