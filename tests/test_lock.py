"""The locks, and `python dev.py lock` itself: the real uv, on an index of the test's own."""

from __future__ import annotations

import re
import shutil
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import dev
from tests.running import ROOT
from tests.wheels import wheel

PINNED = re.compile(r"[\w.-]+==[\w.]+( ; [^-]+)?( --hash=sha256:[0-9a-f]{64})+")
FILES = (*dev.LOCKS, *dev.LOCKS.values(), "requirements-kubernetes.txt")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the locks and of what they were made from, which dev.py takes for the project."""
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    return tmp_path


def misfits() -> list[str]:
    return list(filter(None, map(dev.misfit, dev.LOCKS)))


def change(path: Path, old: str, new: str) -> None:
    """Put `new` in the place of the first that matches `old`."""
    text, count = re.subn(old, new, path.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    assert count == 1, old
    path.write_text(text, encoding="utf-8")


def test_the_locks_fit_what_is_asked_for() -> None:
    assert misfits() == []


def test_what_greenroom_reaches_into_is_pinned_for_the_dashboard() -> None:
    assert {"uvicorn", "starlette", "streamlit"} <= {name for name, _ in dev.pins(dev.lines(dev.LOCK))}


def test_every_line_of_a_lock_is_a_pin_with_hashes() -> None:
    for line in dev.lines(dev.DEV_LOCK):
        assert PINNED.fullmatch(line), line


def test_no_address_and_no_path_is_in_a_lock() -> None:
    for name in dev.LOCKS:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"://|--(extra-)?index|--find-links|/", text), name


def test_the_dashboards_packages_come_from_one_lock_only() -> None:
    named = [line.split(" --hash")[0] for line in dev.lines(dev.DEV_LOCK)]
    assert len(named) == len(set(named))


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("requirements.txt", "^requests==.*", "requests==1.0", "requirements.txt asks for requests 1.0, which"),
        ("requirements.txt", r"\Z", "left-pad==1.0\n", "asks for left-pad 1.0, which requirements.lock"),
        ("requirements.txt", "^requests==.*\n", "", "requirements.lock is not what"),
        ("requirements.txt", r"^psycopg\[binary\]", "psycopg", "requirements.lock is not what"),
        ("requirements.txt", '^(uvloop.*); .*"$', r"\1", "requirements.lock is not what"),
        ("requirements.txt", r"\Z", "starlette<99\n", "requirements.lock is not what"),
        ("requirements-dev.txt", "^pytest==.*", "pytest==1.0", "requirements-dev.txt asks for pytest 1.0, which"),
        ("requirements-dev.txt", "^-r requirements-kubernetes.txt\n", "", "requirements-dev.lock is not what"),
        ("requirements-kubernetes.txt", "^kubernetes==.*", "kubernetes==1.0", "asks for kubernetes 1.0, which"),
        ("requirements.lock", "^uvicorn==[^ ]+", "uvicorn==1.0", "requirements.lock is not what"),
        ("requirements.lock", "^streamlit==[^ ]+", "streamlit==1.0", "requirements.txt asks for streamlit"),
        ("requirements.lock", "^uvicorn==.*\n(    .*\n)+", "", "requirements.lock is not what"),
        ("requirements.lock", r"\Z", "left-pad==1.0\n", "requirements.lock is not what"),
        ("requirements.lock", r"^    --hash=sha256:\w+ \\\n", "", "requirements.lock is not what"),
        ("requirements.lock", "sha256:.{8}", "sha256:00000000", "requirements.lock is not what"),
        ("requirements.lock", r"\Z", "--index-url https://example.com/simple\n", "requirements.lock is not what"),
        ("requirements-dev.lock", "^trustme==.*\n(    .*\n)+", "", "requirements-dev.txt asks for trustme"),
        ("requirements-dev.lock", "^-r requirements.lock\n", "", "requirements-dev.txt asks for alembic"),
        ("requirements-dev.lock", "^mcp==[^ ]+", "mcp==1.0", "requirements-dev.lock is not what"),
    ],
)
def test_a_change_on_one_side_is_noticed(project: Path, name: str, old: str, new: str, told: str) -> None:
    change(project / name, old, new)
    assert told in "\n".join(misfits())


def test_a_lock_that_is_not_there_is_noticed(project: Path) -> None:
    (project / dev.LOCK).unlink()
    assert dev.misfit(dev.LOCK) == "requirements.lock is not there"


def test_comments_and_the_line_ends_of_a_checkout_change_nothing(project: Path) -> None:
    change(project / "requirements.txt", r"\A", "# why these\n\n")
    for name in FILES:
        text = (project / name).read_text(encoding="utf-8")
        (project / name).write_text(text, encoding="utf-8", newline="\r\n")
    assert misfits() == []


class Index:
    """A package index on this machine: what `add` was called with, each version needing what it is told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, version: str, needs: str = "") -> None:
        (self._folder / name).mkdir(parents=True, exist_ok=True)
        wheel(self._folder / name, name, version, needs=needs)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """Served to uv as pip's index: flask needs werkzeug, the tests need probe, and both are asked for."""
    made = Index(tmp_path / "index")
    made.add("flask", "1.0", needs="werkzeug")
    made.add("werkzeug", "1.0")
    made.add("probe", "1.0", needs="werkzeug")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "index"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index) -> Path:
    """A project of two requirements that was never locked. Its environment is that of the tests."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "requirements.txt").write_text("flask==1.0\n", encoding="utf-8")
    (root / "requirements-dev.txt").write_text("-r requirements.txt\nprobe==1.0\n", encoding="utf-8")
    environment = tmp_path / "environment"
    environment.symlink_to(Path(sys.prefix), target_is_directory=True)
    monkeypatch.setattr(dev, "ROOT", root)
    monkeypatch.setattr(dev, "MAIN", dev.Venv(environment, ""))
    monkeypatch.setattr(dev, "PYTHON", dev.MAIN.python)
    return root


def lock(*args: str) -> None:
    with pytest.raises(SystemExit) as ended:
        dev.lock(args)
    assert ended.value.code == 0
    assert misfits() == []


def pinned(name: str) -> set[str]:
    return {" ".join(pin) for pin in dev.pins(dev.lines(name))}


def test_what_is_needed_is_locked_apart_for_the_dashboard_and_the_tests(
    small: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lock()
    assert capfd.readouterr().out.splitlines() == ["+ flask 1.0", "+ probe 1.0", "+ werkzeug 1.0"]
    assert pinned(dev.LOCK) == {"flask 1.0", "werkzeug 1.0"}
    assert pinned(dev.DEV_LOCK) == {"flask 1.0", "probe 1.0", "werkzeug 1.0"} and len(dev.lines(dev.DEV_LOCK)) == 3
    for name in dev.LOCKS:
        text = (small / name).read_text(encoding="utf-8")
        assert "127.0.0.1" not in text and "/" not in text
        assert all(PINNED.fullmatch(line) for line in dev.lines(name))


def test_a_pin_stays_until_an_upgrade_is_asked_for(
    small: Path, index: Index, capfd: pytest.CaptureFixture[str]
) -> None:
    lock()
    before = (small / dev.LOCK).read_bytes(), (small / dev.DEV_LOCK).read_bytes()
    index.add("werkzeug", "2.0")
    capfd.readouterr()
    lock()
    assert capfd.readouterr().out == "lock: the same versions as before\n"
    assert before == ((small / dev.LOCK).read_bytes(), (small / dev.DEV_LOCK).read_bytes())
    lock("--upgrade")
    assert capfd.readouterr().out.splitlines() == ["- werkzeug 1.0", "+ werkzeug 2.0"]
    assert "werkzeug 2.0" in pinned(dev.LOCK)


def test_the_tests_packages_hold_back_what_the_dashboard_gets(small: Path, index: Index) -> None:
    lock()
    index.add("werkzeug", "2.0")
    index.add("probe", "1.1", needs="werkzeug<2")
    change(small / "requirements-dev.txt", "probe==1.0", "probe==1.1")
    lock("--upgrade")
    assert pinned(dev.LOCK) == {"flask 1.0", "werkzeug 1.0"}


def test_what_nobody_asks_for_any_more_leaves_the_lock(small: Path, index: Index) -> None:
    lock()
    index.add("flask", "2.0")
    change(small / "requirements.txt", "flask==1.0", "flask==2.0")
    change(small / "requirements-dev.txt", "probe==1.0\n", "")
    lock()
    assert pinned(dev.LOCK) == pinned(dev.DEV_LOCK) == {"flask 2.0"}


def test_a_lock_with_the_marks_of_a_merge_is_made_anew(small: Path, index: Index) -> None:
    lock()
    index.add("werkzeug", "2.0")
    change(small / dev.LOCK, "^werkzeug", "<<<<<<< ours\nwerkzeug")
    change(small / dev.LOCK, r"\Z", "=======\n>>>>>>> theirs\n")
    lock()
    assert pinned(dev.LOCK) == {"flask 1.0", "werkzeug 1.0"}


def test_what_can_not_be_resolved_leaves_the_locks_as_they_are(small: Path) -> None:
    lock()
    before = (small / dev.LOCK).read_bytes()
    change(small / "requirements.txt", "flask==1.0", "flask==9.0")
    with pytest.raises(dev.Stop, match=r"(?s)No versions fit requirements-dev\.txt, and the lock stays .*flask==9\.0"):
        dev.lock([])
    assert (small / dev.LOCK).read_bytes() == before
