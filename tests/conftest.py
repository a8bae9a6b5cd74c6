"""What every test begins with: no real key in the environment, nothing left running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from lib.store.database import Store
from tests import databases, surroundings
from tests.browsing import launch
from tests.sandbox_server import RunningSandbox, running_sandbox

PATIENCE_MS = 20_000
"""A busy machine draws late; a page that is broken stays so."""


# A machine that does other work beside generates slowly, and says nothing about the test.
settings.register_profile("greenroom", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("greenroom")


def pytest_configure() -> None:
    """Before any fixture: what a module or the whole run shares is made before the fixtures of a test."""
    surroundings.clear()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[databases.Server]:
    """One PostgreSQL for all tests, started by the first that asks."""
    with databases.server(*databases.QUICK) as running:
        yield running


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSandbox]:
    """One sandbox of Tavus in a process of its own, for all tests of a module, as the test before left it."""
    with running_sandbox() as made:
        yield made


@pytest.fixture
def sandbox(running: RunningSandbox) -> RunningSandbox:
    """The same as new: nothing in it but what is in stock, and without faults."""
    running.reset()
    running.faults()
    return running


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        expect.set_options(timeout=PATIENCE_MS)
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for all tests of a module."""
    made = launch(playwright)
    yield made
    made.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page with a profile of its own."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    context.close()


@pytest.fixture(params=databases.BACKENDS)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """DATABASE_URL of an empty database: the test runs once on each kind. SQLite's lies in the root it is given."""
    if request.param == "sqlite":
        yield databases.SQLITE
        return
    with request.getfixturevalue("postgresql").database() as url:
        yield url


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    """An open, empty database of each kind."""
    yield from _opened(database_url, tmp_path)


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """The same on SQLite only, in `greenroom.db`."""
    yield from _opened(databases.SQLITE, tmp_path)


@pytest.fixture
def postgresql_store(postgresql: databases.Server, tmp_path: Path) -> Iterator[Store]:
    """The same on PostgreSQL only."""
    with postgresql.database() as url:
        yield from _opened(url, tmp_path)


def _opened(url: str, root: Path) -> Iterator[Store]:
    made = Store(url, root=root)
    made.open()
    yield made
    made.close()
