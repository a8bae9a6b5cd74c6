"""A request as a command: run by a real bash and a real curl, it sends the same again."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lib.models import Exchange, Traffic
from lib.services.inspector.callback import KEPT_LIMIT
from lib.services.inspector.commands import Commands, commands
from tests.sandbox_server import KEY, RunningSandbox

HOSTILE = 'It\'s "it", `id` $(id) ${HOME} \\ \\\\ !! %PATH% ; rm -rf / & | > <\n\t\u2028 ‘quoted’ שלום 🎭 @file'
REAL = shutil.which("bash") and shutil.which("curl")


def request(method: str, name: str, target: str, body: Any = None) -> Exchange:
    text = "" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    at = datetime(2026, 11, 20, tzinfo=UTC)
    return Exchange(1, Traffic.REQUEST, at, name, method=method, target=target, body=text)


def made(one: Exchange, base_url: str = "https://tavusapi.com/v2", *, sandbox: bool = False) -> Commands:
    return commands(one, base_url, sandbox=sandbox)


def run(command: str, **environment: str) -> Any:
    """What curl printed, as JSON."""
    given = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment}
    done = subprocess.run(["bash", "-c", command], env=given, capture_output=True, timeout=20, check=True)
    return json.loads(done.stdout) if done.stdout.strip() else None


@pytest.mark.skipif(not REAL, reason="no bash or no curl here")
@pytest.mark.parametrize("shell_key", [KEY, 'a key\'s $(odd) "one"'])
def test_bash_sends_the_very_same_body_whatever_is_in_it(sandbox: RunningSandbox, shell_key: str) -> None:
    sandbox.reset()
    body = {"persona_name": HOSTILE, "system_prompt": "'" * 50 + "\\'", "layers": {"llm": {"model": "a'b"}}}
    command = made(request("POST", "/personas", "/personas", body), sandbox.v2).bash
    assert KEY not in command
    row = run(command, TAVUS_API_KEY=shell_key)
    (entry,) = sandbox.log()
    assert entry["body"] == body
    assert sandbox.call("GET", f"/personas/{row['persona_id']}").json()["persona_name"] == HOSTILE


@pytest.mark.skipif(not REAL, reason="no bash or no curl here")
def test_bash_reads_lists_ends_and_deletes_by_the_address_that_was_asked(sandbox: RunningSandbox) -> None:
    sandbox.reset()
    call = sandbox.create()["conversation_id"]
    for method, name, target in (
        ("GET", "/conversations", "/conversations?limit=100&page=1&status=active"),
        ("POST", "/conversations/{conversation_id}/end", f"/conversations/{call}/end"),
        ("DELETE", "/conversations/{conversation_id}", f"/conversations/{call}"),
    ):
        run(made(request(method, name, target), sandbox.v2).bash, TAVUS_API_KEY=KEY)
    assert [f"{one['method']} {one['path']}" for one in sandbox.log()[1:]] == [
        "GET /v2/conversations",
        f"POST /v2/conversations/{call}/end",
        f"DELETE /v2/conversations/{call}",
    ]
    assert sandbox.log()[1]["query"] == {"limit": "100", "page": "1", "status": "active"}


@pytest.mark.skipif(not REAL, reason="no bash or no curl here")
def test_for_the_sandbox_it_runs_as_it_stands(sandbox: RunningSandbox) -> None:
    sandbox.reset()
    command = made(request("GET", "/personas", "/personas?limit=1&page=1"), sandbox.v2, sandbox=True).bash
    assert len(run(command)["data"]) == 1


def test_powershell_is_given_one_quoted_text_in_ascii_that_ends_where_it_should() -> None:
    body = {"persona_name": HOSTILE}
    text = made(request("PATCH", "/personas/{persona_id}", "/personas/p1", body)).powershell
    assert text.isascii(), "PowerShell takes ‘’ for quotes"
    quoted = re.search(r"-Body ('(?:[^']|'')*')\Z", text)
    assert quoted is not None
    assert json.loads(quoted[1][1:-1].replace("''", "'")) == body
    assert text.startswith("Invoke-RestMethod -Method Patch -Uri 'https://tavusapi.com/v2/personas/p1' `\n")
    assert "@{ 'x-api-key' = $env:TAVUS_API_KEY }" in text


def test_what_to_know_before_one_is_run_is_said() -> None:
    create = request(
        "POST", "/conversations", "/conversations", {"callback_url": "https://a.example/callbacks/tavus/***"}
    )
    assert [note[:20] for note in made(create).notes] == ["Run, it starts anoth", "*** stands where a s"]
    assert [note[:20] for note in made(create, sandbox=True).notes] == ["*** stands where a s"]
    long = Exchange(
        1,
        Traffic.REQUEST,
        datetime(2026, 11, 20, tzinfo=UTC),
        "/personas",
        target="/personas",
        body=("{" + "x" * KEPT_LIMIT)[:KEPT_LIMIT],
    )
    assert made(replace(long, body='[{"op":"add"')).notes == made(long).notes, "one that was shortened afterwards"
    told = made(long)
    assert [note[:12] for note in told.notes] == ["Its body was"]
    assert "--data-raw" not in told.bash
    assert made(request("GET", "/personas", "/personas")).notes == ()
