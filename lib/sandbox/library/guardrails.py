"""Guardrails of the pretended account: each by itself, and in the sets of before May 2026.

A guardrail of a set is one like any other, with an id of its own; the set holds their ids
(https://docs.tavus.io/api-reference/guardrails/legacy-guardrail-sets).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lib.sandbox.clock.clock import Clock
from lib.sandbox.library.guardrail_rules import checked, checked_items
from lib.sandbox.personas.routes import PersonaBook
from lib.sandbox.state import Row, SandboxState
from lib.sandbox.wire.patching import patched
from lib.sandbox.wire.responses import Refusal, iso, new_id

KIND, SET_KIND = "guardrail", "guardrail_set"
READ_ONLY = ("uuid", "created_at", "updated_at")
SET_READ_ONLY = ("guardrails_id", "created_at", "updated_at")


class GuardrailBook:
    """Both kinds. An unknown id is 400 here."""

    def __init__(self, state: SandboxState, clock: Clock, personas: PersonaBook) -> None:
        self._state = state
        self._clock = clock
        self._personas = personas

    # One by one

    def get(self, uuid: str) -> Row:
        row = self._state.get(KIND, uuid)
        if row is None:
            raise Refusal("Guardrail not found")
        return row

    def all(self) -> list[Row]:
        return self._state.all(KIND)

    def create(self, body: Row) -> Row:
        return self._kept(checked(_without(body, READ_ONLY)))

    def patch(self, uuid: str, operations: Any) -> Row | None:
        """The new row, None if the operations change nothing. Raises `Refusal` (400, 422)."""
        row = self.get(uuid)
        result = patched(row, operations)
        if any(result.get(name) != row[name] for name in READ_ONLY):
            raise Refusal("Invalid patch operation")
        result = checked(result)
        return None if result == row else self._changed(result)

    def delete(self, uuid: str) -> None:
        """It is gone from personas and sets too; a set that is left empty goes with it."""
        self.get(uuid)
        self._state.delete(KIND, uuid)
        self._personas.detach("guardrail_ids", uuid)
        for row in self.all_sets():
            if uuid in row["data"]:
                left = [one for one in row["data"] if one != uuid]
                if left:
                    self._state.put(SET_KIND, row["guardrails_id"], {**row, "data": left})
                else:
                    self._delete_set(row)

    def holders(self) -> Callable[[Row], list[str]]:
        """A function from a guardrail to the ids of the personas that have it, by its id or by a tag."""
        having: dict[tuple[str, str], list[str]] = {}
        for persona in self._personas.all():
            for field in ("guardrail_ids", "guardrail_tags"):
                for named in persona.get(field) or ():
                    having.setdefault((field, named), []).append(persona["persona_id"])

        def of(row: Row) -> list[str]:
            named = [("guardrail_ids", row["uuid"]), *(("guardrail_tags", tag) for tag in row["tags"])]
            return [*dict.fromkeys(id_ for one in named for id_ in having.get(one, ()))]

        return of

    # In sets

    def find_set(self, guardrails_id: str) -> Row | None:
        return self._state.get(SET_KIND, guardrails_id)

    def all_sets(self) -> list[Row]:
        return self._state.all(SET_KIND)

    def shown_set(self, row: Row) -> Row:
        """The set with its guardrails, id and name each under the two names that were seen."""
        data = [item for uuid in row["data"] if (item := self._state.get(KIND, uuid))]
        return {**row, "data": data, "uuid": row["guardrails_id"], "guardrails_name": row["name"]}

    def create_set(self, body: Row) -> Row:
        name = _name(body.get("name"))
        items = [self._kept(_without(item, READ_ONLY)) for item in checked_items(body.get("data"))]
        now = iso(self._clock.now())
        id_ = new_id("g")
        row: Row = {"guardrails_id": id_, "name": name, "data": _ids(items), "created_at": now, "updated_at": now}
        self._state.put(SET_KIND, id_, row)
        return row

    def patch_set(self, row: Row, operations: Any) -> bool:
        """False if the operations change nothing. A guardrail keeps its id unless it is replaced as a whole."""
        before = self.shown_set(row)
        result = patched(before, operations, _renamed)
        if any(result.get(name) != row[name] for name in SET_READ_ONLY):
            raise Refusal("Invalid patch operation")
        name, items = _name(result.get("name")), checked_items(result.get("data"))
        if (name, items) == (row["name"], before["data"]):
            return False
        known = set(row["data"])
        kept: list[Row] = []
        for item in items:
            copied = item.get("uuid") in _ids(kept)
            kept.append(self._changed(item) if item.get("uuid") in known and not copied else self._kept(item))
        now = iso(self._clock.now())
        self._state.put(SET_KIND, row["guardrails_id"], {**row, "name": name, "data": _ids(kept), "updated_at": now})
        for uuid in known.difference(_ids(kept)):
            self.delete(uuid)
        return True

    def delete_set(self, row: Row) -> None:
        """Its guardrails go with it, and personas that had it have none."""
        self._delete_set(row)
        for uuid in row["data"]:
            self.delete(uuid)

    def _delete_set(self, row: Row) -> None:
        self._state.delete(SET_KIND, row["guardrails_id"])
        self._personas.detach("guardrails_id", row["guardrails_id"])

    def _kept(self, fields: Row) -> Row:
        now = iso(self._clock.now())
        row = {"uuid": new_id("g"), **_without(fields, READ_ONLY), "created_at": now, "updated_at": now}
        self._state.put(KIND, row["uuid"], row)
        return row

    def _changed(self, row: Row) -> Row:
        told = {**row, "updated_at": iso(self._clock.now())}
        self._state.put(KIND, row["uuid"], told)
        return told


def _renamed(operation: Row) -> Row:
    """A set's name has two names; it is kept under the shorter one."""
    named = {key: "/name" for key in ("path", "from") if operation.get(key) == "/guardrails_name"}
    return {**operation, **named}


def _name(given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise Refusal("name is required.")
    return given


def _ids(rows: list[Row]) -> list[str]:
    return [row["uuid"] for row in rows]


def _without(row: Row, names: tuple[str, ...]) -> Row:
    return {name: value for name, value in row.items() if name not in names}
