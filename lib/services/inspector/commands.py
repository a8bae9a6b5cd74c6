"""A request as a command that sends it again, for a shell. The key is a variable of the shell's and never in it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from lib.models import Exchange
from lib.redaction import HIDDEN
from lib.services.inspector.callback import is_whole

CREATES = ("POST", "/conversations")


@dataclass(frozen=True)
class Commands:
    """A request as commands for bash (curl) and for PowerShell. `notes` say what to know before one is run."""

    bash: str
    powershell: str
    notes: tuple[str, ...]


def commands(request: Exchange, base_url: str, *, sandbox: bool) -> Commands:
    """`request` with its body. The sandbox takes any key, so there its name stands in the place of one."""
    url = base_url + request.target
    body = _body(request)
    notes = []
    if (request.method, request.name) == CREATES and not sandbox:
        notes.append("Run, it starts another call, which is billed.")
    if HIDDEN in (request.body or "") or HIDDEN in request.target:
        notes.append(f"{HIDDEN} stands where a secret was: put it back first.")
    if request.body and body is None:
        notes.append("Its body was too long to be kept whole, so it is left out.")
    return Commands(
        _bash(request.method, url, body, sandbox), _powershell(request.method, url, body, sandbox), tuple(notes)
    )


def _body(request: Exchange) -> str | None:
    """The JSON of the body in ASCII, which every shell and code page takes as it is; None without a whole one."""
    if not request.body or not is_whole(request.body):
        return None
    return json.dumps(json.loads(request.body))


def _bash(method: str, url: str, body: str | None, sandbox: bool) -> str:
    key = "sandbox" if sandbox else "$TAVUS_API_KEY"
    lines = [f"curl{'' if method == 'GET' else f' -X {method}'} {_in_bash(url)}", f'-H "x-api-key: {key}"']
    if body is not None:
        lines += ["-H 'Content-Type: application/json'", f"--data-raw {_in_bash(body)}"]
    return " \\\n  ".join(lines)


def _powershell(method: str, url: str, body: str | None, sandbox: bool) -> str:
    key = "'sandbox'" if sandbox else "$env:TAVUS_API_KEY"
    lines = [
        f"Invoke-RestMethod -Method {method.capitalize()} -Uri {_in_powershell(url)}",
        f"-Headers @{{ 'x-api-key' = {key} }}",
    ]
    if body is not None:
        lines += ["-ContentType 'application/json'", f"-Body {_in_powershell(body)}"]
    return " `\n  ".join(lines)


def _in_bash(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _in_powershell(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
