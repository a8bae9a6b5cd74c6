"""The sandbox of these tests, under a name that the package they test does not have."""

from __future__ import annotations

import pytest

from tests.sandbox_server import RunningSandbox


@pytest.fixture
def box(sandbox: RunningSandbox) -> RunningSandbox:
    return sandbox
