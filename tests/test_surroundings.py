"""Whatever a developer's shell has set: no test sees it, nor what a test starts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lib.settings import DEFAULT, NAMES, load
from tests.running import ROOT, Dashboard

OTHERS = (
    "STREAMLIT_SERVER_PORT", "STREAMLIT_CLIENT_TOOLBAR_MODE", "STREAMLIT_SECRETS_FILES", "OPENAI_API_KEY",
    "OPENAI_BASE_URL", "HTTPS_PROXY", "http_proxy", "NO_PROXY", "PGHOST", "PGPASSWORD", "PGOPTIONS",
    "KUBERNETES_SERVICE_HOST", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "LLAMA_SERVER_SLOTS_DEBUG", "GREENROOM_PLAN",
)  # fmt: skip
NONSENSE = "nonsense of a developer's shell"
STAYS_CLEAN = "test_a_test_and_the_fixtures_before_it_see_nothing_of_the_shell"


def dirty() -> dict[str, str]:
    return dict.fromkeys((*NAMES, *OTHERS), NONSENSE)


def seen() -> list[str]:
    return [name for name in os.environ if name in NAMES or name in OTHERS or os.environ[name] == NONSENSE]


@pytest.fixture(scope="module")
def seen_before() -> Iterator[list[str]]:
    """What a server of a module would inherit: it is made before any fixture of a single test."""
    yield seen()


def test_a_test_and_the_fixtures_before_it_see_nothing_of_the_shell(seen_before: list[str]) -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import os; print(*os.environ.values(), sep='\\n')"], capture_output=True, text=True
    )
    assert (seen_before, seen(), NONSENSE in told.stdout) == ([], [], False)


def test_every_setting_of_the_shell_is_kept_from_a_run_of_the_tests() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", __file__, "-k", STAYS_CLEAN]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **dirty()}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_server_that_a_test_starts_sees_no_setting_of_its_environment_nor_of_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("".join(f"{name}={NONSENSE}\n" for name in NAMES), encoding="utf-8")
    with monkeypatch.context() as shell:
        for name, value in dirty().items():
            shell.setenv(name, value)
        made = Dashboard()
    with made as dashboard:
        given = psutil.Process(dashboard.pid).environ()
        assert NONSENSE not in given.values()
        loaded = load(tmp_path, given)
    assert loaded.problems == ()
    assert {name for name in NAMES if loaded.sources[name] != DEFAULT} == {"DATABASE_URL"}
