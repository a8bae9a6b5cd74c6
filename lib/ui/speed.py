"""A third hidden cost of every rerun: Streamlit sends the whole theme each time, and spells its names anew for it.

For each of the eighty options that `.streamlit/config.toml` sets, a rerun turns the name from camelCase to snake_case
with two regular expressions: 1.1 ms of processor time, as much as an empty page takes. The names never change, so they
are remembered. Where Streamlit keeps this elsewhere in a later version, nothing is changed.
"""

from __future__ import annotations

from functools import lru_cache

from streamlit.runtime import app_session

SPELL = "to_snake_case"


def install() -> None:
    """Remember the names from now on, in this process. Calling it again does nothing."""
    spell = getattr(app_session, SPELL, None)
    if callable(spell) and not hasattr(spell, "cache_info"):
        setattr(app_session, SPELL, lru_cache(maxsize=512)(spell))
