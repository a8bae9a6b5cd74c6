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
IN_POD = """
import json, os, signal, sys, time
plan = json.loads(os.environ["GREENROOM_PLAN"])
plan["tavus_key"] = os.environ["TAVUS_API_KEY"].strip()

def tell(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)

tell("starting")
"""
ENDS = """
def end(conversation, code=0):
    request = urllib.request.Request(plan["tavus_base_url"] + "/conversations/" + conversation + "/end", b"",
                                     {"x-api-key": plan["tavus_key"]}, method="POST")
    urllib.request.urlopen(request, timeout=5)
    tell("ended", reason="told_to_end")
    os._exit(code)

def until_told():
    made = create()
    signal.signal(signal.SIGTERM, lambda *_: end(made))
    while True:
        time.sleep(0.05)
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
    return made["conversation_id"]
"""


def worker_at(root: Path, script: str) -> Path:
    """Write the worker into `root`; it has `plan`, `tell(event, **values)`, `command()` and `create()`."""
    return _written(root, START + CREATE + script)


def image_at(root: Path, script: str) -> Path:
    """The same for a pod: its plan is in its variables; for `command()` it has `until_told()`, which holds a call."""
    return _written(root, IN_POD + CREATE + ENDS + script)


def _written(root: Path, source: str) -> Path:
    package = root / "lib" / "bot"
    package.mkdir(parents=True, exist_ok=True)
    for folder in (root / "lib", package):
        (folder / "__init__.py").touch()
    (package / "__main__.py").write_text(source, encoding="utf-8")
    return root
