"""One reading of all settings: which source counts, what is used of it, and what is told of the rest."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lib.models import Mode
from lib.settings import together
from lib.settings.entries import NAMES, TABLE, SettingEntry
from lib.settings.files import SettingFiles
from lib.settings.problems import DEFAULT, DOTENV, ENVIRONMENT, SECRETS_TOML, Note, SettingProblem, place
from lib.settings.table import Settings

MODE, OLDER_MODE = TABLE["TAVUS_AVATAR_MODE"], TABLE["USE_TAVUS_PIPECAT_VIDEO"]
_PLACEHOLDER = re.compile(
    r"(^|://)your[_-].*|.*[_-]here|<.*>|(change|replace)[_-]?(me|this)|placeholder.*|x{3,}|.*\.{3,}|todo|none|null",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Loaded:
    """What `load` found. `sources` says for every name in `NAMES` where its value comes from."""

    settings: Settings
    problems: tuple[SettingProblem, ...] = ()
    notes: tuple[Note, ...] = ()
    sources: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(NAMES, DEFAULT))


def load(root: Path, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read the settings of the project at `root`. Never raises for anything that a person wrote.

    `environ` replaces the process's environment (for tests). Reads `.env` and `.streamlit/secrets.toml`; writes
    nothing, and changes no environment variable.
    """
    return _Reading().load(root, os.environ if environ is None else environ)


class _Reading:
    """One reading in progress: collects problems and notes until `load` hands them over together."""

    def __init__(self) -> None:
        self._files = SettingFiles()
        self.problems, self.notes = self._files.problems, self._files.notes

    def load(self, root: Path, environ: Mapping[str, str]) -> Loaded:
        layers = [
            (ENVIRONMENT, {name.upper(): value for name, value in environ.items()}),
            (DOTENV, self._files.dotenv(root / ".env")),
            (SECRETS_TOML, self._files.secrets_toml(root / ".streamlit" / "secrets.toml")),
        ]
        found = {name: hit for name in NAMES if (hit := self._first(name, layers))}
        good: dict[str, Any] = {}
        for name, (text, source) in found.items():
            good.update(self._checked(TABLE[name], text, source))
        sources = {name: found[name][1] if TABLE[name].field in good else DEFAULT for name in NAMES}
        settings = self._one_mode(Settings(**good), sources)
        self.notes.extend(together.notes(settings))
        return Loaded(settings, tuple(self.problems), tuple(self.notes), sources)

    def _first(self, name: str, layers: list[tuple[str, dict[str, str]]]) -> tuple[str, str] | None:
        """The value that counts and its source; empty text and placeholders count as not set.

        Empty in the environment hides the files too: that is how one start goes without the key that is in `.env`.
        """
        hits: list[tuple[str, str]] = []
        hidden = name in layers[0][1] and not layers[0][1][name].strip()
        if hidden and any(values.get(name, "").strip() for _, values in layers[1:]):
            self._note(name, f"{name} is set to nothing in the environment; that hides the value in the files.")
        for source, values in layers[: 1 if hidden else None]:
            text = _unquoted(values.get(name, ""))
            if text and _PLACEHOLDER.fullmatch(text):
                self._note(name, f"{name} in {place(source)} is still a placeholder; it counts as not set.")
            elif text:
                hits.append((text, source))
        if hits and any(text != hits[0][0] for text, _ in hits[1:]):
            others = " and ".join(place(source) for text, source in hits[1:] if text != hits[0][0])
            used = place(hits[0][1])
            self._note(name, f"{name} differs between {used} and {others}; the one from {used} is used.")
        return hits[0] if hits else None

    def _checked(self, entry: SettingEntry, text: str, source: str) -> dict[str, str]:
        """What the setting is made from, by its field; nothing but a problem where it can't be."""
        meant, told = entry.kind.tidied(text)
        if told:
            self._note(entry.name, f"{entry.name} {told}")
        try:
            Settings(**{entry.field: meant})  # type: ignore[arg-type]
        except ValidationError:
            self.problems.append(_wrong_value(entry, meant, source))
            return {}
        return {entry.field: meant}

    def _one_mode(self, settings: Settings, sources: dict[str, str]) -> Settings:
        """TAVUS_AVATAR_MODE beats its older spelling."""
        older = settings.use_tavus_pipecat_video
        if older is None:
            return settings
        says = Mode.PIPECAT_DAILY if older else Mode.PHOENIX_REST
        mode = settings.tavus_avatar_mode
        if sources[MODE.name] == DEFAULT:
            if any(problem.name == MODE.name for problem in self.problems):
                return settings
            sources[MODE.name] = sources[OLDER_MODE.name]
            return settings.model_copy(update={MODE.field: says})
        if mode != says:
            told = f"{OLDER_MODE.name} asks for {says}, but {MODE.name}={mode} is used: it is the newer of the two."
            self._note(OLDER_MODE.name, told)
        return settings

    def _note(self, name: str, message: str) -> None:
        self.notes.append(Note(name, message))


def _wrong_value(entry: SettingEntry, text: str, source: str) -> SettingProblem:
    # A key must not go to an address that nobody asked for, so this one has no default in its place.
    default = f"{entry.shown_default or 'none'} is used"
    until = "Tavus is not contacted" if entry.name == "TAVUS_BASE_URL" else default
    return SettingProblem(
        entry.name,
        "",
        f"Correct {entry.name} in {place(source)}, or remove it, and restart Greenroom.",
        source,
        text if _may_be_shown(entry, text) else "",
        entry.kind.must_be,
        until,
    )


def _may_be_shown(entry: SettingEntry, text: str) -> bool:
    """Whether seeing the wrong value helps and it can't be a key that landed in the wrong place."""
    return not entry.kind.secret and bool(re.fullmatch(r"-?[\d.,]{1,12}|[A-Za-z ]{1,16}", text))


def _unquoted(text: str) -> str:
    """Without blanks around it and without the quotes that cmd.exe and copied documents leave on."""
    text = text.strip().strip("\ufeff\u200b\u201c\u201d").strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text
