"""A worker that does what a script says: a folder with a `lib.bot` of the test's own, run as the real one is."""

from __future__ import annotations

from pathlib import Path

START = """
import json, os, sys, time
plan = json.loads(sys.stdin.readline())

def tell(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)

def command():
    line = sys.stdin.readline()
    return json.loads(line) if line else None

tell("starting")
"""
CREATE = """
import urllib.request
def create():
    body = {"replica_id": plan["replica_id"], "persona_id": "pipecat0", "conversation_name": plan["name"],
            "properties": {"max_call_duration": plan["max_call_s"], "participant_absent_timeout": plan["absent_s"],
                           "participant_left_timeout": plan["left_s"]}}
    request = urllib.request.Request(plan["tavus_base_url"] + "/conversations", json.dumps(body).encode(),
                                     {"x-api-key": plan["tavus_key"], "content-type": "application/json"})
    made = json.load(urllib.request.urlopen(request, timeout=5))
    tell("conversation", id=made["conversation_id"], url=made["conversation_url"])
"""


def worker_at(root: Path, script: str) -> Path:
    """Write the worker into `root`; it has `plan`, `tell(event, **values)`, `command()` and `create()`."""
    package = root / "lib" / "bot"
    package.mkdir(parents=True, exist_ok=True)
    for folder in (root / "lib", package):
        (folder / "__init__.py").touch()
    (package / "__main__.py").write_text(START + CREATE + script, encoding="utf-8")
    return root
