"""Tavus's official command line works against the sandbox: list, create, patch, start, end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox_server import KEY, RunningSandbox, running_sandbox

Cli = Callable[..., str]
SCRIPT = Path(sys.executable).with_name("tavus.exe" if os.name == "nt" else "tavus")


@pytest.fixture(scope="module")
def box() -> Iterator[RunningSandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def cli(box: RunningSandbox, tmp_path: Path) -> Cli:
    """Run `tavus ...` with an empty home, at the sandbox; gives what it printed."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TAVUS")},
        "HOME": str(tmp_path),
        "USERPROFILE": str(tmp_path),
        "TAVUS_PUBLIC_API_BASE_URL": box.v2,
        "TAVUS_PORTAL_API_BASE_URL": box.url,
        "TAVUS_API_KEY": KEY,
        "COLUMNS": "200",
        "NO_COLOR": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    box.reset()

    def run(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [SCRIPT, *arguments], capture_output=True, encoding="utf-8", env=environment, cwd=tmp_path, timeout=60
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    return run


def parsed(printed: str) -> Any:
    return json.loads(printed)


def test_it_lists_what_there_is(cli: Cli, box: RunningSandbox) -> None:
    assert "Network check passed" in cli("doctor")
    pals = parsed(cli("pal", "list", "--json"))
    assert pals["total_count"] == len(pals["data"]) == 6
    assert re.search(r"p2b8e10c94d6.*Warm product guide.*r90bbd427f71", cli("pal", "list"))
    faces = parsed(cli("face", "list", "--stock", "--json"))
    assert [face["face_name"] for face in faces["data"]][:2] == ["Anna", "Gloria"]
    assert "GET /v2/pals" in box.routes()


def test_it_creates_patches_and_deletes_a_pal(cli: Cli, box: RunningSandbox) -> None:
    made = parsed(
        cli("pal", "create", "--name", "Guide", "--system-prompt", "You are a guide.", "--face-id", "r874cc5f8a3b")
    )
    assert made["pal_id"].startswith("p")
    cli("pal", "patch", made["pal_id"], "--path", "/pal_name", "--value", "Host")
    cli("pal", "patch", made["pal_id"], "--op", "add", "--path", "/layers/llm/model", "--value", "tavus-gpt-oss")
    row = parsed(cli("pal", "get", made["pal_id"]))
    assert (row["pal_name"], row["layers"]["llm"]["model"]) == ("Host", "tavus-gpt-oss")
    assert box.call("GET", f"/personas/{made['pal_id']}").json()["persona_name"] == "Host"
    cli("pal", "delete", made["pal_id"])
    assert box.call("GET", f"/personas/{made['pal_id']}").status_code == 400


def test_it_starts_and_ends_a_conversation(cli: Cli, box: RunningSandbox) -> None:
    made = parsed(
        cli("conversation", "create", "--pal-id", "p2b8e10c94d6", "--face-id", "r874cc5f8a3b", "--name", "Demo")
    )
    assert (made["status"], made["conversation_name"]) == ("active", "Demo")
    assert made["conversation_url"].startswith(f"{box.url}/room/")
    assert box.conversation(made["conversation_id"])["replica_id"] == "r874cc5f8a3b"
    cli("conversation", "end", made["conversation_id"])
    assert box.conversation(made["conversation_id"])["shutdown_reason"] == "end_conversation_endpoint_hit"
    chat = parsed(cli("chat", "start", "--pal-id", "p2b8e10c94d6"))
    cli("chat", "end", chat["conversation_id"])


def test_it_is_told_what_went_wrong(cli: Cli) -> None:
    assert "failed with 400" in cli("conversation", "create", "--pal-id", "pnone", code=1)
    assert "failed with 422" in cli(
        "pal", "patch", "p2b8e10c94d6", "--path", "/layers/sts/no", "--op", "remove", code=1
    )
