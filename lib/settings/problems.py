"""What was wrong with the settings, or read in another way than it was written; as fields, with their words."""

from __future__ import annotations

from dataclasses import dataclass

ENVIRONMENT, DOTENV, SECRETS_TOML, DEFAULT = "environment", ".env", ".streamlit/secrets.toml", "default"


@dataclass(frozen=True)
class SettingProblem:
    """A wrong value, or a file that can't be read: avatar starts are refused until it is mended.

    `name` is the setting or the file. Of a wrong value: `source` is where it stands, `shown` what stands there (""
    where it may be a key in the wrong place), `must_be` and `until` what it must be and what holds meanwhile. Of all
    else `told` says what is wrong.
    """

    name: str
    told: str
    hint: str
    source: str = ""
    shown: str = ""
    must_be: str = ""
    until: str = ""

    @property
    def message(self) -> str:
        """What is wrong, in full."""
        written = f" ({self.shown})" if self.shown else ""
        where = f"{self.name} in {place(self.source)}{written}"
        return self.told or f"{where} can't be used: it must be {self.must_be}. Until then {self.until}."

    @property
    def cause(self) -> str:
        """What is wrong, where its name, source and value stand beside it."""
        return self.told or f"It must be {self.must_be}. Until then {self.until}."


@dataclass(frozen=True)
class Note:
    """A value that was read in another way than it was written. Nothing is refused because of it."""

    name: str
    message: str


def place(source: str) -> str:
    """A source as it stands in a sentence."""
    return "the environment" if source == ENVIRONMENT else source
