"""What every test begins with: no real key in the environment, nothing left running."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.store.database import Store
from tests.running import UNSET

STREAMLIT = "STREAMLIT_"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own keys and settings never reach a test."""
    for name in [*UNSET, "DATABASE_URL", "SWEEP_INTERVAL_S"]:
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith(STREAMLIT)]:
        monkeypatch.delenv(name)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open, empty database."""
    made = Store("sqlite:///greenroom.db", root=tmp_path)
    made.open()
    yield made
    made.close()
