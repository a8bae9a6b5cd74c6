"""The trial of the worker's packages in real child processes: missing, shadowed, blocked, broken, slow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lib.doctor import probe as probing
from lib.doctor.machine import machine
from lib.doctor.probe import Probe, probe, worker_python

OURS = Path(sys.executable)
posix_only = pytest.mark.skipif(os.name == "nt", reason="the stand-in for a Python is a shell script")


def tried(root: Path, python: Path = OURS, limit_s: float = 30.0) -> Probe:
    return probe(python, machine(), root=root, limit_s=limit_s)


def package(root: Path, name: str, text: str = "") -> None:
    """A module `name` (dotted) below `root`, where a worker that stands there finds it first."""
    path = root
    for part in name.split("."):
        path = path / part
        path.mkdir(exist_ok=True)
        (path / "__init__.py").touch()
    (path / "__init__.py").write_text(text, encoding="utf-8")


def test_a_python_without_pipecat_says_so_and_what_to_run(tmp_path: Path) -> None:
    found = tried(tmp_path)
    assert found.cause is not None and found.cause.code == "pipecat_missing" and found.pipecat == ""
    assert "python dev.py worker" in found.cause.fix and "No module named 'pipecat'" in found.told


def test_a_python_with_pipecat_and_without_daily_says_that_daily_is_missing(tmp_path: Path) -> None:
    package(tmp_path, "pipecat.services.tavus.video", "from daily.daily import CallClient\n")
    found = tried(tmp_path)
    assert found.cause is not None and found.cause.code == "daily_missing"


def test_a_file_named_daily_in_the_project_is_found_to_be_in_the_way(tmp_path: Path) -> None:
    package(tmp_path, "pipecat.services.tavus.video", "from daily import CallClient\n")
    (tmp_path / "daily.py").write_text("print('mine')\n", encoding="utf-8")
    found = tried(tmp_path)
    assert found.cause is not None and found.cause.code == "daily_shadowed" and "daily.py" in found.cause.cause


def test_a_string_that_is_joined_to_any_at_run_time_names_its_module(tmp_path: Path) -> None:
    package(tmp_path, "pipecat.services.tavus.video", "from typing import Any\nX = 'Thing' | Any\n")
    found = tried(tmp_path)
    assert found.cause is not None and found.cause.code == ("joined_annotation" if sys.version_info < (3, 14) else "x")


def test_a_worker_that_takes_too_long_to_load_is_given_up(tmp_path: Path) -> None:
    package(tmp_path, "pipecat", "import time; time.sleep(60)\n")
    found = tried(tmp_path, limit_s=0.8)
    assert found.cause is not None and found.cause.code == "probe_slow"


def test_a_crash_while_loading_is_not_ours(tmp_path: Path) -> None:
    package(tmp_path, "pipecat", "import os; os.abort()\n")
    found = tried(tmp_path)
    assert found.cause is not None and found.cause.code == "probe_crashed"


def test_a_python_that_is_not_there_is_named_without_a_traceback(tmp_path: Path) -> None:
    found = tried(tmp_path, python=tmp_path / "none")
    assert found.cause is not None and found.cause.code == "python_missing" and "PIPECAT_PYTHON" in found.cause.fix


def test_no_key_reaches_the_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAVUS_API_KEY", "tvsk_CANARY0123456789")
    package(tmp_path, "pipecat", "import os; raise RuntimeError(' '.join(os.environ))\n")
    told = tried(tmp_path).told
    assert "PATH" in told and "TAVUS_API_KEY" not in told


def test_the_workers_python_is_the_named_one_else_its_own_environment_else_ours(tmp_path: Path) -> None:
    assert worker_python(tmp_path, "/opt/python") == Path("/opt/python")
    assert worker_python(tmp_path) == OURS
    own = tmp_path / ".venv-pipecat" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    own.parent.mkdir(parents=True)
    own.touch()
    assert worker_python(tmp_path) == own
    assert probing.LIMIT_S >= 30
