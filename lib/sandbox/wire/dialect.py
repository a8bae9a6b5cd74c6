"""Where Tavus's documents and its real answers differ, the sandbox can speak either way.

The defaults are what is seen on the real API, or both spellings at once where rows vary. A client is tested by
switching one thing at a time (`POST /_sandbox/dialect`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lib.sandbox.state import Row
from lib.sandbox.wire.responses import Refusal, iso


@dataclass(frozen=True)
class Dialect:
    """How to answer where there is more than one truth.

    `persona_get`: flat (seen live) or wrapped in `{"data": [...]}` (documented). `names`: reads of a
    conversation name its ids in both vocabularies, or in one.
    `replica_delete`: 200 (documented) or 204 (seen). `shutdown_key`, `shutdown_suffix`: how a verbose read and a
    callback spell why a call ended; with `both` the callback says `shutdown_reason` and the verbose read says both.
    `transcript_time`: epoch seconds or ISO text. `page_base`: None tolerates both, 0 and 1 are strict.
    `objectives`: a read gives the whole set, flat (seen), or its first objective (documented: `{"data": {...}}`).
    `joined_twin`: `system.pal_joined` is sent as well. `bad_request_key`: the key of a 400 (`error` or `message`).
    """

    persona_get: Literal["flat", "wrapped"] = "flat"
    names: Literal["both", "persona", "pal"] = "both"
    replica_delete: Literal[200, 204] = 200
    shutdown_key: Literal["both", "reason", "shutdown_reason"] = "both"
    shutdown_suffix: Literal["", " reached"] = ""
    transcript_time: Literal["epoch", "iso"] = "epoch"
    page_base: Literal[0, 1] | None = None
    objectives: Literal["set", "documented"] = "set"
    joined_twin: bool = False
    bad_request_key: Literal["error", "message"] = "error"

    def changed(self, given: Any) -> Dialect:
        """A dialect with the given switches. Raises `Refusal` for an unknown switch or value."""
        if not isinstance(given, dict):
            raise Refusal("The dialect must be a JSON object.")
        names = {field.name for field in fields(self)}
        for name, value in given.items():
            if name not in names:
                raise Refusal(f"Unknown switch {name!r}; there are {', '.join(sorted(names))}.")
            allowed = _allowed(name)
            if not any(value is one or (type(value) is type(one) and value == one) for one in allowed):
                raise Refusal(f"{name} must be one of {', '.join(map(repr, allowed))}.")
        return replace(self, **given)

    def told(self, properties: Row, *, verbose: bool) -> Row:
        """An event's properties as a verbose read or a callback spells them."""
        told = dict(properties)
        if "shutdown_reason" in told:
            reason = told.pop("shutdown_reason") + self.shutdown_suffix
            both = ("shutdown_reason", "reason") if verbose else ("shutdown_reason",)
            told |= dict.fromkeys(both if self.shutdown_key == "both" else (self.shutdown_key,), reason)
        if "transcript" in told and self.transcript_time == "iso":
            told["transcript"] = [{**entry, "timestamp": iso(entry["timestamp"])} for entry in told["transcript"]]
        return told

    def dump(self) -> dict[str, Any]:
        return asdict(self)


def _allowed(name: str) -> tuple[Any, ...]:
    hint = get_type_hints(Dialect)[name]
    if hint is bool:
        return (True, False)
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(value for part in get_args(hint) for value in (get_args(part) or (None,)))
