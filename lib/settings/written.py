"""The files that name every setting, made from the table: `.env.example` and docs/settings.md.

`python -m lib.settings.written` writes both anew; a test sees that they fit.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from lib.settings.about import SettingGroup
from lib.settings.entries import TABLE, SettingEntry

WIDTH = 118
_HEAD = """\
# Copy to .env and fill in what you use. Nothing is required: without a Tavus key the console runs on its own sandbox.
# An environment variable of the same name wins over this file, and this file over .streamlit/secrets.toml.
# What stands behind a # is rarely changed. docs/settings.md says what each may be.
"""
_PAGE_HEAD = """\
# Settings

Greenroom reads each from the environment, then `.env`, then `.streamlit/secrets.toml`. *Diagnostics* shows each value,
where it came from and what is wrong with it; a wrong value never stops the dashboard, but no paid call starts until it
is corrected, and with a wrong `TAVUS_BASE_URL` nobody is contacted at all.

`.env.example` names them all; copy it to `.env` and fill in what you use. Nothing is required. Both files are made from
the table in `lib/settings/table.py`, by `python -m lib.settings.written`.
"""


def env_example() -> str:
    """The text of `.env.example`."""
    return "\n".join([_HEAD, *("\n".join([f"# --- {group}", *_lines(group)]) + "\n" for group in SettingGroup)])


def settings_page() -> str:
    """The text of docs/settings.md."""
    return "\n".join([_PAGE_HEAD, *("\n".join(_section(group)) + "\n" for group in SettingGroup)])


def _of(group: SettingGroup) -> Iterator[SettingEntry]:
    return (entry for entry in TABLE.values() if entry.about.group is group)


def _lines(group: SettingGroup) -> Iterator[str]:
    for entry in _of(group):
        unset = f" Empty: {entry.about.unset}." if entry.about.unset else ""
        yield from textwrap.wrap(entry.about.help + unset, WIDTH, initial_indent="# ", subsequent_indent="# ")
        yield f"{'# ' if entry.about.advanced else ''}{entry.name}={entry.shown_default}"


def _section(group: SettingGroup) -> Iterator[str]:
    yield from (f"## {group}", "", "| setting | meaning | it must be | default |", "|---|---|---|---|")
    for entry in _of(group):
        about = entry.about
        more = f" ([more]({about.see}))" if about.see else ""
        default = f"`{entry.shown_default}`" if entry.shown_default else about.unset
        cells = (f"`{entry.name}`", f"{_as_code(about.help)}{more}", _as_code(entry.kind.must_be), _as_code(default))
        yield f"| {' | '.join(cells)} |"


def _as_code(text: str) -> str:
    """Names of settings, and what they are set to, stand as code."""
    return re.sub(r"(?<![`\w])[A-Z]+(_[A-Z]+)+(=\w+)?(?!\w)", r"`\g<0>`", text)


def write(root: Path) -> None:
    """Write both files of the project at `root`."""
    (root / ".env.example").write_text(env_example(), encoding="utf-8", newline="\n")
    (root / "docs" / "settings.md").write_text(settings_page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(Path(__file__).resolve().parents[2])
