"""Everything that can be set, read once into one frozen `Settings`: environment, then `.env`, then secrets.toml.

`table` has one row for each setting: to add one, add a row there and use it; `written` makes the files that name them.
A wrong value never stops the program. It becomes a `SettingProblem` and the default stands in its place; what was read
in another way than it was written becomes a `Note`. Neither ever quotes a secret. Importing reads nothing; `load` does.
"""

from __future__ import annotations

from lib.settings.entries import NAMES, TABLE, secret_names, secret_values
from lib.settings.problems import DEFAULT, DOTENV, ENVIRONMENT, SECRETS_TOML, Note, SettingProblem
from lib.settings.reading import Loaded, load
from lib.settings.table import TAVUS_URL, Settings

__all__ = (
    "DEFAULT",
    "DOTENV",
    "ENVIRONMENT",
    "NAMES",
    "SECRETS_TOML",
    "TABLE",
    "TAVUS_URL",
    "Loaded",
    "Note",
    "SettingProblem",
    "Settings",
    "load",
    "secret_names",
    "secret_values",
)
