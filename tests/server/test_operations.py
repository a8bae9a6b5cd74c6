"""What docs/operations.md tells operators to do works as it stands there, and names what exists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from lib.settings import NAMES
from tests.house import until
from tests.running import ROOT, Dashboard

TOLD = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
HEADERS = {"Authorization": "Bearer sandbox"}


def commands(beginning: str) -> list[str]:
    """The command lines of the document that begin so."""
    blocks = re.findall(r"^```\n(.*?)^```", TOLD, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.startswith(beginning)]


def api(console: Dashboard, method: str, path: str, body: Any = None) -> Any:
    return requests.request(method, f"{console.url}/api{path}", json=body, headers=HEADERS, timeout=30).json()


def test_an_old_backup_that_comes_back_ends_the_call_that_it_does_not_know_and_records_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Dashboard(data=data) as console:
        agent = api(console, "GET", "/agents")["data"][0]["id"]
        (line,) = commands("python -c")
        words = shlex.split(line)
        subprocess.run([sys.executable, *words[1:]], cwd=tmp_path, check=True, timeout=30)
        lost = api(console, "POST", "/sessions", {"agentId": agent})
        assert lost["mode"] == "phoenix_rest"
    for name in re.findall(r"delete `(data/\S+)` and `(data/\S+)`", TOLD)[0]:
        (tmp_path / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "greenroom-backup.db", data / "greenroom.db")
    with Dashboard(data=data) as console:
        assert api(console, "GET", "/agents")["data"][0]["id"] == agent
        path = f"/sessions/{lost['sessionId']}"
        until(lambda: api(console, "GET", path).get("status") == "ended", within_s=20)
        again = api(console, "GET", path)
        assert again["conversationId"] == lost["conversationId"]
        assert f"*{again['endReason']}*" in TOLD
        there = f"{console.url}/sandbox/v2/conversations/{lost['conversationId']}"
        assert requests.get(there, headers={"x-api-key": "any"}, timeout=5).json()["status"] == "ended"


def test_every_setting_that_is_named_exists_and_every_command_is_one() -> None:
    named = set(re.findall(r"`([A-Z][A-Z_]{5,})(?:=[^`]*)?`", TOLD)) - {"VACUUM"}
    assert named <= set(NAMES), named - set(NAMES)
    assert len(named) > 10
    for line in commands("python -m lib"):
        words = shlex.split(line)[1:]
        done = subprocess.run([sys.executable, *words, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        assert all(word in done.stdout for word in words if word.startswith("--"))


def test_the_words_of_the_log_are_those_that_are_logged() -> None:
    source = "".join(
        (ROOT / path).read_text(encoding="utf-8")
        for path in (
            "lib/api/callbacks.py", "lib/api/endpoint.py", "lib/errors.py", "lib/services/inspector/callback.py",
            "lib/redaction/__init__.py", "lib/services/inspector/journal.py", "lib/store/database.py",
            "lib/services/calls/monitor.py",
        )
    )  # fmt: skip
    rows = re.findall(r"^\| .* \| \d{3}.*? \| (.*) \|$", TOLD, re.MULTILINE)
    told = [word for row in rows for word in re.findall(r"`([^`]+)`", row)]
    assert len(told) == 10
    for word in [*told, "can't be looked after"]:
        assert word in source, word
