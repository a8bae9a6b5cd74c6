"""Where the pages are, as files: what `st.switch_page`, `st.Page` and tests are given."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STATIC = ROOT / "static"


def _page(name: str) -> str:
    return str(ROOT / "pages" / f"{name}.py")


HOME = _page("home")
LIVE = _page("live")
PERSONAS = _page("personas")
REPLICAS = _page("replicas")
AGENTS = _page("agents")
LIBRARY = _page("library")
HISTORY = _page("history")
SESSION = _page("session")
INSPECTOR = _page("inspector")
DIAGNOSTICS = _page("diagnostics")

BOUND = ("range", "dates", "agent", "state", "mode", "search", "kind", "outcome")
"""Keys of the fields of all pages that are bound to the address (`bind="query-params"`)."""
