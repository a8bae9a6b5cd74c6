"""The rows of the table as values, by name: what everything reads that is made from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from lib.settings.about import About, part_of
from lib.settings.kinds import SettingKind
from lib.settings.table import Settings


@dataclass(frozen=True)
class SettingEntry:
    """One row as a value. `name` is that of the environment, `field` that of `Settings`."""

    name: str
    field: str
    default: Any
    kind: SettingKind
    about: About

    @property
    def shown_default(self) -> str:
        """The default as it would be written, "" where it is empty."""
        default = self.default.get_secret_value() if isinstance(self.default, SecretStr) else self.default
        if isinstance(default, bool):
            return str(default).lower()
        return f"{default:g}" if isinstance(default, float) else "" if default is None else str(default)


TABLE: Mapping[str, SettingEntry] = {
    field.upper(): SettingEntry(field.upper(), field, info.default, part_of(info, SettingKind), part_of(info, About))
    for field, info in Settings.model_fields.items()
}
"""Every setting by its name, in the order in which they are shown."""
NAMES: tuple[str, ...] = tuple(TABLE)


def secret_names() -> Iterator[str]:
    """The names whose values are never shown whole."""
    return (entry.name for entry in TABLE.values() if entry.kind.secret)


def secret_values(settings: Settings) -> Iterator[str]:
    """Every secret that is set. Of the database's address its passwords, as they stand there and as they are meant."""
    for entry in TABLE.values():
        yield from entry.kind.secrets(getattr(settings, entry.field))
