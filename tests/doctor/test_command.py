"""`python -m lib doctor` as a real process: with everything installed, and with nothing but Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.running import ROOT, UNSET

KEY = "tvsk_CANARY0123456789"


def doctor(*flags: str, bare: bool = False, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`bare` hides every installed package, as on a machine where nothing was installed yet."""
    asked = ["lib", "doctor", *flags]
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = {asked}"
    code = f"{start}; import lib.__main__ as m; sys.exit(m.main())"
    clean = {**dict.fromkeys(UNSET, ""), "PATH": "", "HOME": str(ROOT / "nowhere"), **(env or {})}
    command = [sys.executable, *(["-I", "-S"] if bare else []), "-c", code]
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=60, check=False)


def test_on_bare_python_it_says_what_is_missing_and_answers_1() -> None:
    done = doctor(bare=True)
    assert done.returncode == 1 and done.stderr == ""
    assert "Not ready for live calls. One thing to fix: Packages." in done.stdout
    assert "Run python dev.py run." in done.stdout and "Modes on this machine" in done.stdout


def test_json_is_one_object_and_nothing_else_bare_and_whole(tmp_path: Path) -> None:
    for bare in (True, False):
        done = doctor("--json", bare=bare, env={"DATABASE_URL": f"sqlite:///{tmp_path}/none/x.db"})
        document = json.loads(done.stdout)
        assert document["report"] == "greenroom-diagnostics" and len(document["modes"]) == 3
        assert done.returncode == (1 if document["result"] == "fail" else 0)
    assert not (tmp_path / "none").exists(), "a look must not make a database"


def test_without_a_key_it_passes_and_asks_nobody(tmp_path: Path) -> None:
    done = doctor(env={"DATABASE_URL": f"sqlite:///{tmp_path}/x.db"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not run   Sandbox: Part of the dashboard" in done.stdout and "phoenix_rest: works" in done.stdout


def test_a_key_that_reaches_nobody_fails_and_is_not_shown(tmp_path: Path) -> None:
    nobody = {"TAVUS_API_KEY": KEY, "TAVUS_BASE_URL": "http://127.0.0.1:9/v2"}
    done = doctor(env={**nobody, "DATABASE_URL": f"sqlite:///{tmp_path}/x.db"})
    assert done.returncode == 1 and "can't be reached" in done.stdout
    assert KEY not in done.stdout + done.stderr and "phoenix_rest: can't" in done.stdout
