from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Dashboard

SCRATCH = Path(__file__).parent / "scratch" / "app.py"


@pytest.fixture(scope="module")
def scratch() -> Iterator[Dashboard]:
    """A dashboard of one line under Greenroom's own middleware and settings."""
    with Dashboard(SCRATCH) as dashboard:
        yield dashboard
