"""Who the other side of a client is, and what to do about it where that is not what an error says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lib.errors import GreenroomError

E = TypeVar("E", bound=GreenroomError)


@dataclass(frozen=True)
class Vendor:
    """`address` is the setting that holds where it answers, "" where none does; `hints` are by kind of error."""

    name: str
    address: str = ""
    hints: Mapping[type[GreenroomError], str] = field(default_factory=dict)

    def error(self, kind: type[E], message: str, **fields: Any) -> E:
        """An error of this kind, with this side's hint where `fields` bring none."""
        if fields.get("hint") is None:
            fields["hint"] = self.hints.get(kind)
        return kind(message, **fields)

    @property
    def in_its_place(self) -> str:
        """What to do where something else answered."""
        if self.address:
            return f"Check {self.address} and whether this network asks for a login."
        return f"Check whether a proxy or a login page of this network answers in {self.name}'s place."


TAVUS = Vendor("Tavus", "TAVUS_BASE_URL")
