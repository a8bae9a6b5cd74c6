"""A sandbox and the services that speak to it, for the tests of what is read, saved and kept of personas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.wiring import Services
from tests.house import house
from tests.sandbox_server import RunningSandbox


@pytest.fixture
def services(sandbox: RunningSandbox, tmp_path: Path, database_url: str) -> Iterator[Services]:
    """On each kind of database."""
    with house(sandbox.url, tmp_path, database=database_url) as made:
        yield made


@pytest.fixture
def console(sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Services]:
    """On SQLite only."""
    with house(sandbox.url, tmp_path) as made:
        yield made
