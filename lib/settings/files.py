"""The two files that may hold settings, `.env` and secrets.toml, as texts by name, with what is wrong with them."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from lib.settings.entries import NAMES
from lib.settings.problems import DOTENV, SECRETS_TOML, Note, SettingProblem

_FILE_LIMIT = 1 << 20


class SettingFiles:
    """Reads them once; what is wrong is in `problems` and `notes` then."""

    def __init__(self) -> None:
        self.problems: list[SettingProblem] = []
        self.notes: list[Note] = []

    def dotenv(self, path: Path) -> dict[str, str]:
        """What `.env` says, by upper-case name."""
        text = self._text_of(path, DOTENV)
        if text is None:
            if path.with_name(".env.txt").exists() and not path.exists():
                self._note(DOTENV, "There is a .env.txt but no .env. Rename it to .env to have it read.")
            return {}
        values: dict[str, str] = {}
        for binding in parse_stream(StringIO(text)):
            if binding.error:
                self._broken_line(binding.original.string, binding.original.line)
            elif binding.key:
                values[binding.key.upper()] = binding.value or ""
        self._misspelt(values, DOTENV)
        return values

    def secrets_toml(self, path: Path) -> dict[str, str]:
        """What `.streamlit/secrets.toml` says at its top level, by upper-case name."""
        text = self._text_of(path, SECRETS_TOML)
        try:
            read = tomllib.loads(text or "")
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"line \d+", str(error))
            told = f"{SECRETS_TOML} has a mistake{f' at {line[0]}' if line else ''}, so nothing in it is used."
            hint = f'Write each line as NAME = "value" in {SECRETS_TOML}, and restart Greenroom.'
            self.problems.append(SettingProblem(SECRETS_TOML, told, hint))
            return {}
        values = {name.upper(): str(value) for name, value in read.items() if isinstance(value, str | int | float)}
        self._misspelt(values, SECRETS_TOML)
        return values

    def _text_of(self, path: Path, name: str) -> str | None:
        """A small text file's content, or None with a problem. Notepad's and PowerShell's encodings are known."""
        try:
            if not path.exists():
                return None
            raw = path.read_bytes() if path.stat().st_size <= _FILE_LIMIT else b"\0"
        except OSError as error:
            why = error.strerror or type(error).__name__
            hint = f"Make {name} a plain text file that you may read, and restart Greenroom."
            self.problems.append(SettingProblem(name, f"{name} can't be read ({why}), so nothing in it is used.", hint))
            return None
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
            self._note(name, f"{name} is not saved as UTF-8; letters with accents in it may be read wrongly.")
        if "\0" in text:
            hint = f"Save {name} as plain text in UTF-8, and restart Greenroom."
            self.problems.append(SettingProblem(name, f"{name} is not a text file, so nothing in it is used.", hint))
            return None
        return text

    def _broken_line(self, line: str, number: int) -> None:
        told = f"Line {number} of .env is not of the form NAME=value, so it is not used."
        named = next((name for name in NAMES if re.search(rf"\b{name}\b", line, re.IGNORECASE)), None)
        if named:
            hint = f"Write {named}=value on a line of its own, with both quotes or with none, and restart Greenroom."
            self.problems.append(SettingProblem(named, told, hint, DOTENV))
        else:
            self._note(DOTENV, told)

    def _misspelt(self, values: Mapping[str, str], source: str) -> None:
        for name in values:
            close = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.85) if name not in NAMES else []
            for meant in close:
                self._note(meant, f"{source} has {name}, which is no setting. Is {meant} meant?")

    def _note(self, name: str, message: str) -> None:
        self.notes.append(Note(name, message))
