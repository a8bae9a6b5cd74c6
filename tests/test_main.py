"""`python -m lib sandbox` as a real process: it answers Tavus's API, keeps its state if told to, and ends on Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.house import until
from tests.running import ROOT, free_port

KEY = {"x-api-key": "any"}


@contextmanager
def alone(*arguments: str, port: int) -> Iterator[str]:
    command = [sys.executable, "-m", "lib", "sandbox", "--port", str(port), *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        try:
            return requests.get(f"{url}/v2/personas", headers=KEY, timeout=2).ok
        except requests.ConnectionError:
            return False

    try:
        until(answers, within_s=30)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=10)
    assert "Traceback" not in said
    assert f"{url}/v2" in said


def test_the_sandbox_runs_by_itself_and_its_avatar_answers_in_its_role() -> None:
    with alone(port=free_port()) as url:
        body = {"persona_id": "p2b8e10c94d6"}
        made = requests.post(f"{url}/v2/conversations", json=body, headers=KEY, timeout=5).json()
        assert made["conversation_url"].startswith(url)
        requests.post(f"{made['conversation_url']}/join", timeout=5)
        said = requests.post(f"{made['conversation_url']}/say", json={"text": "What is your name?"}, timeout=20)
        assert "Anna" in said.json()["reply"]


def test_the_sandbox_alone_answers_no_other_name_and_no_other_page() -> None:
    with alone(port=free_port()) as url:
        made = requests.post(
            f"{url}/v2/conversations", json={"persona_id": "p2b8e10c94d6"}, headers=KEY, timeout=5
        ).json()
        for path in (
            "/v2/personas",
            "/_sandbox/clock",
            "/room-assets/room.js",
            made["conversation_url"].removeprefix(url),
        ):
            assert requests.get(url + path, headers=KEY, timeout=5).status_code == 200
            for other in ({"Host": "evil.example"}, {"Host": "evil.example", "Origin": "http://evil.example"}):
                assert requests.get(url + path, headers=KEY | other, timeout=5).status_code == 403
            assert (
                requests.get(url + path, headers=KEY | {"Origin": "http://evil.example"}, timeout=5).status_code == 403
            )
        here = {"Host": url.removeprefix("http://").replace("127.0.0.1", "localhost"), "Origin": url}
        assert requests.get(f"{url}/v2/personas", headers=KEY | here, timeout=5).status_code == 200


def test_it_keeps_its_state_where_it_is_told_to_and_forgets_otherwise(tmp_path: Path) -> None:
    state = str(tmp_path / "state.db")
    with alone("--state", state, port=free_port()) as url:
        fields = {"persona_name": "Kept", "system_prompt": "You are a guide."}
        made = requests.post(f"{url}/v2/personas", json=fields, headers=KEY, timeout=5).json()
    with alone("--state", state, port=free_port()) as url:
        kept = requests.get(f"{url}/v2/personas/{made['persona_id']}", headers=KEY, timeout=5)
        assert kept.json()["persona_name"] == "Kept"
    with alone(port=free_port()) as url:
        assert requests.get(f"{url}/v2/personas/{made['persona_id']}", headers=KEY, timeout=5).status_code == 400


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["sandbox", "--port", "many"]])
def test_a_wrong_command_says_how_it_is_used_and_exits_with_2(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lib", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    assert "usage: python -m lib" in done.stderr


def test_nothing_that_must_be_installed_is_imported_before_a_command_runs() -> None:
    code = (
        "import sys; before = set(sys.modules); import lib.__main__; "
        "print(*{name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.stdout.split() == ["lib"]
