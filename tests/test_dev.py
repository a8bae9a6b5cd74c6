"""`python dev.py`, on a scratch copy whose requirements are a tiny wheel of the test's own: nothing is fetched.

The wheel is called streamlit and stands in for it: it prints how it was started and waits for Ctrl-C, so that what
dev.py adds can be seen alone. The real dashboard under the real command is tried by the other tests and by CI.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import dev
from tests.running import ROOT, free_port
from tests.surroundings import for_a_process
from tests.wheels import wheel

MAIN = """
import os, sys, time
try:
    print("started with", sys.argv[1:], "port", os.environ["STREAMLIT_SERVER_PORT"], flush=True)
    time.sleep(30)
except KeyboardInterrupt:
    print("ended by Ctrl-C", flush=True)
    sys.exit(7)
"""


SEAL = "import dev, sys; (dev.ROOT / dev.LOCK).write_text(dev.sealed(dev.LOCKS[dev.LOCK], sys.argv[1]))"


class Copy:
    """A folder with dev.py, a Streamlit configuration, a requirement and its lock, and the environment to run it in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        shutil.copy(ROOT / "dev.py", root)
        (root / ".streamlit").mkdir()
        self.port = free_port()
        (root / ".streamlit" / "config.toml").write_text(f"[server]\nport = {self.port}\n", encoding="utf-8")
        self.require("./" + wheel(root, "streamlit", "1.0", MAIN))
        self.env = for_a_process(HOME=str(root), PIP_NO_INDEX="1", PYTHONIOENCODING="utf-8")

    def require(self, line: str) -> None:
        """Ask for one package, a file of the folder say, and lock it."""
        (self.root / "requirements.txt").write_text(line + "\n", encoding="utf-8")
        there = self.root / line
        self.lock(f"{line} --hash=sha256:{hashlib.sha256(there.read_bytes() if there.exists() else b'').hexdigest()}\n")

    def lock(self, pins: str) -> None:
        subprocess.run([sys.executable, "-c", SEAL, pins], cwd=self.root, check=True)

    def start(self, *args: str, python: str = sys.executable, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [python, "dev.py", *args], cwd=self.root, env={**self.env, **env}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def says(self, *args: str, **env: str) -> tuple[int, str]:
        process = self.start(*args, **env)
        out, _ = process.communicate(timeout=60)
        return process.returncode, out


def until(process: subprocess.Popen[str], word: str) -> str:
    """What it said up to and with the line that has this word."""
    told = ""
    for line in process.stdout or ():
        told += line
        if word in line:
            return told
    raise AssertionError(f"it ended without {word!r}:\n{told}")


def end(process: subprocess.Popen[str]) -> str:
    """Ctrl-C as a terminal sends it, to the whole group; the rest of what it said."""
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    return out


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Copy, str]]:
    """A copy that was started once, and what that first start said."""
    copy = Copy(tmp_path_factory.mktemp("dev") / "a folder with spaces")
    process = copy.start("run")
    told = until(process, "started with")
    yield copy, told + end(process)


def test_the_first_start_makes_all_that_is_missing_and_prints_one_address(ready: tuple[Copy, str]) -> None:
    copy, told = ready
    assert told.index("Making .venv") < told.index("Installing requirements.lock") < told.index("Installed in")
    assert re.findall(r"https?://\S+", told) == [f"http://localhost:{copy.port}"]
    assert f"started with ['run', 'app.py'] port {copy.port}" in told
    assert told.endswith("ended by Ctrl-C\n")


def test_a_second_start_installs_nothing_and_is_quick(ready: tuple[Copy, str]) -> None:
    copy, _ = ready
    taken = []
    for _ in range(3):
        begun = time.monotonic()
        process = copy.start("run")
        told = until(process, "started with")
        taken.append(time.monotonic() - begun)
        end(process)
        assert process.returncode == 7
        assert "Install" not in told
    assert min(taken) < 1


def test_signals_reach_the_dashboard_even_if_sent_to_the_command_alone(ready: tuple[Copy, str]) -> None:
    copy, _ = ready
    process = copy.start("run")
    until(process, "started with")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    assert out == "ended by Ctrl-C\n"


def test_the_port_can_be_given_and_further_arguments_go_on_to_streamlit(ready: tuple[Copy, str]) -> None:
    copy, _ = ready
    port = str(free_port())
    process = copy.start("run", "--port", port, "--logger.level", "debug", STREAMLIT_SERVER_PORT="1234")
    told = until(process, "started with")
    end(process)
    assert f"http://localhost:{port}  " in told
    assert f"started with ['run', 'app.py', '--logger.level', 'debug'] port {port}" in told


def test_a_port_in_use_is_one_sentence_with_a_way_out(ready: tuple[Copy, str]) -> None:
    copy, _ = ready
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, told = copy.says("run", STREAMLIT_SERVER_PORT=str(port))
    assert code == 1
    assert re.fullmatch(rf"Port {port} is in use, .*; stop that, or: python dev.py run --port \d+\n", told)


@pytest.mark.parametrize("port", ["eighty", "0", "70000"])
def test_a_port_that_is_none_is_one_sentence(ready: tuple[Copy, str], port: str) -> None:
    copy, _ = ready
    assert copy.says("run", "--port", port) == (1, f"The port must be a number from 1 to 65535, and this is {port!r}\n")


def test_changed_requirements_are_installed_and_a_failed_install_is_one_sentence_and_tried_again(
    ready: tuple[Copy, str],
) -> None:
    copy, _ = ready
    before = (copy.root / "requirements.txt").read_text(encoding="utf-8").strip()
    copy.require("no-such-package-anywhere==9")
    for _ in range(2):
        code, told = copy.says("run")
        assert code == 1
        last = told.splitlines()[-1]
        assert "no-such-package-anywhere" in last
        assert last.startswith("Installing requirements.lock failed: ")
        assert "Traceback" not in told
    copy.require(before)
    process = copy.start("run")
    told = until(process, "started with")
    end(process)
    assert "Install" not in told


def test_an_environment_that_names_all_it_wants_gets_nothing_that_its_packages_ask_for(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy")
    copy.require("./" + wheel(copy.root, "needy", "1.0", "", needs="no-such-package-anywhere"))
    for whole, told in ((True, "failed: .*no-such-package-anywhere"), (False, "Installed in")):
        made = f"dev.Venv(dev.ROOT / '.venv-x', 'needy', whole={whole})"
        prepare = (
            f"import dev\ntry:\n    {made}.prepare(['requirements.txt'])\nexcept dev.Stop as reason:\n    print(reason)"
        )
        done = subprocess.run(
            [sys.executable, "-c", prepare], cwd=copy.root, env=copy.env, capture_output=True, text=True, check=True
        )
        assert re.search(told, done.stdout), done.stdout


def test_a_broken_venv_is_made_again(ready: tuple[Copy, str]) -> None:
    copy, _ = ready
    shutil.rmtree(
        next((copy.root / ".venv").glob("lib*/**/pip"), copy.root / ".venv" / "Lib" / "site-packages" / "pip")
    )
    process = copy.start("run")
    told = until(process, "started with")
    end(process)
    assert "Making .venv again" in told


def test_without_the_venv_module_one_sentence_names_the_package(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "venv.py").write_text("raise ModuleNotFoundError('No module named venv')\n", encoding="utf-8")
    code, told = copy.says("run", PYTHONPATH=str(tmp_path / "bare"))
    assert code == 1
    assert told.splitlines()[-1] == (
        "This Python comes without its venv module; on Debian and Ubuntu: apt install python3-venv"
    )


def test_an_old_python_can_still_read_the_file_and_says_which_one_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    ast.parse((ROOT / "dev.py").read_text(encoding="utf-8"), feature_version=(3, 8))
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(dev.Stop, match=r"needs Python 3\.11 or newer and this is 3\.9; "):
        dev.check_python()


def test_where_a_process_cannot_be_replaced_the_child_decides_when_ctrl_c_ends_it(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(
        "import sys, time\n"
        "try:\n    print('up', flush=True)\n    time.sleep(30)\n"
        "except KeyboardInterrupt:\n    time.sleep(0.3)\n    sys.exit(7)\n",
        encoding="utf-8",
    )
    started = f"subprocess.Popen([sys.executable, {str(tmp_path / 'child.py')!r}])"
    process = subprocess.Popen(
        [sys.executable, "-c", f"import dev, subprocess, sys; sys.exit(dev.stay_with({started}))"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    until(process, "up")
    assert end(process) == ""
    assert process.returncode == 7


def test_an_unknown_command_prints_those_there_are() -> None:
    done = subprocess.run([sys.executable, "dev.py", "rum"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert all(f"python dev.py {name}" in done.stdout for name in dev.COMMANDS)


def test_an_installed_browser_is_found_on_each_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("Google/Chrome/Application", "x"):
        (tmp_path / path).mkdir(parents=True)
    edge = tmp_path / "microsoft-edge"
    edge.write_text("#!/bin/sh\n", encoding="utf-8")
    edge.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert dev.find_browser() == str(edge)
    monkeypatch.setenv("PATH", str(tmp_path / "x"))
    assert dev.find_browser() is None


def test_what_is_pinned_is_pinned_exactly() -> None:
    for line in dev.lines(dev.LOCKS[dev.DEV_LOCK]):
        assert re.fullmatch(r"[A-Za-z0-9_.-]+(\[[a-z]+\])?==[\w.]+(; .*)?", line), line


def test_what_was_installed_is_remembered_by_the_files_content(ready: tuple[Copy, str]) -> None:
    copy, _ = ready
    stamp = json.loads((copy.root / ".venv" / "greenroom.json").read_text(encoding="utf-8"))
    assert list(stamp) == ["requirements.lock"]


def test_a_changed_lock_is_installed_and_nothing_that_has_another_hash_or_none(ready: tuple[Copy, str]) -> None:
    copy, _ = ready
    line = (copy.root / "requirements.txt").read_text(encoding="utf-8").strip()
    for pins, refused in ((f"{line} --hash=sha256:{'0' * 64}\n", "DO NOT MATCH THE HASHES"), (f"{line}\n", "--hash")):
        copy.lock(pins)
        code, told = copy.says("run")
        assert code == 1 and "Traceback" not in told
        assert "Installing requirements.lock failed: " in told
        assert refused in (copy.root / ".venv" / "install.log").read_text(encoding="utf-8")
    copy.require(line)
    with (copy.root / "requirements.lock").open() as lock:
        copy.lock("".join(lock.readlines()[2:]) + "# changed\n")
    process = copy.start("run")
    told = until(process, "started with")
    end(process)
    assert "Installing requirements.lock" in told


@pytest.mark.parametrize("command", ["run", "check"])
def test_requirements_that_were_changed_without_the_lock_stop_it_before_anything_is_installed(
    ready: tuple[Copy, str], command: str
) -> None:
    copy, _ = ready
    asked = copy.root / "requirements.txt"
    before = asked.read_text(encoding="utf-8")
    asked.write_text(before + "starlette==1.2.3\n", encoding="utf-8")
    code, told = copy.says(command)
    asked.write_text(before, encoding="utf-8")
    assert code == 1
    assert told.splitlines()[-1] == (
        "requirements.txt asks for starlette 1.2.3, which requirements.lock does not have; "
        "python dev.py lock makes it anew"
    )
    assert "Install" not in told


def test_what_contributing_names_is_there_and_no_command_is_left_out() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:tests|docs|\.ci)/[\w./]*)", text))
    assert {"tests/browser", "tests/contract", "tests/model", "tests/mutants", "tests/bench"} <= named
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert set(re.findall(r"python dev\.py (\w+)", text)) == set(dev.COMMANDS)


def test_before_a_commit_the_checks_are_run_as_anybody_runs_them() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (hook,) = config["repos"][0]["hooks"]
    program, script, command = hook["entry"].split()
    assert (program, script, hook["language"], hook["pass_filenames"]) == ("python", "dev.py", "system", False)
    assert dev.COMMANDS[command] is dev.check


def test_the_newest_postgresql_that_is_installed_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version, programs in (("9", ("initdb", "postgres")), ("15", ("initdb", "postgres")), ("16", ("psql",))):
        (tmp_path / version).mkdir()
        for name in programs:
            (tmp_path / version / name).touch()
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(dev, "POSTGRESQL", (f"{tmp_path}/*",))
    assert dev.find_postgresql() == tmp_path / "15"
    monkeypatch.setattr(dev, "POSTGRESQL", ("/nowhere/*",))
    assert dev.find_postgresql() is None


@pytest.mark.parametrize(
    ("debian", "given", "there", "fetched"),
    [
        (True, "", False, True),
        (True, "", True, False),
        (True, "postgresql://h/x", False, False),
        (False, "", False, False),
    ],
)
def test_the_test_command_installs_postgresql_only_where_it_can_and_must(
    debian: bool, given: str, there: bool, fetched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setenv("TEST_DATABASE_URL", given)
    monkeypatch.setattr(dev, "find_postgresql", lambda: Path("/there") if there else None)
    monkeypatch.setattr(dev, "on_debian_as_root", lambda: debian)
    monkeypatch.setattr(dev, "fetch", lambda _what, steps: asked.extend(steps))
    dev.get_postgresql()
    assert any("postgresql" in step for step in asked) is fetched
