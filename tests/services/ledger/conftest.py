"""One sandbox a module, emptied for each test; a database of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandbox_server import RunningSandbox
from tests.services.ledger.world import World


@pytest.fixture
def world(running: RunningSandbox, tmp_path: Path, database_url: str) -> World:
    running.reset()
    return World(running, tmp_path, database_url)
