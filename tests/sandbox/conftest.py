"""One sandbox for all tests of this folder, as new before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox_server import RunningSandbox, running_sandbox


@pytest.fixture(scope="session")
def _running() -> Iterator[RunningSandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def box(_running: RunningSandbox) -> RunningSandbox:
    _running.reset()
    return _running
