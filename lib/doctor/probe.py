"""Tries the worker's packages in a process of their own: they are never imported by the dashboard, whose memory and
start they would cost, and a crash of theirs must not be ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from lib.doctor.causes import Cause, of_import
from lib.doctor.machine import Machine, architecture

LIMIT_S = 60.0
"""The first import after an installation compiles some thousand files."""

_TRIAL = """
import importlib.util, json, platform, sys, sysconfig, traceback
from importlib import metadata

def installed(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""

def found(name):
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return ""
    return (spec.origin or next(iter(spec.submodule_search_locations or ()), "")) if spec else ""

told = {
    "python": platform.python_version(), "implementation": platform.python_implementation(),
    "architecture": platform.machine(), "bits": 64 if sys.maxsize > 2**32 else 32,
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "pipecat": installed("pipecat-ai"), "daily": installed("daily-python"), "daily_from": found("daily"), "error": "",
}
try:
    import pipecat.services.tavus.video
    import pipecat.transports.daily.transport
except BaseException:
    told["error"] = traceback.format_exc()[-6000:]
print("\\n" + json.dumps(told))
"""


@dataclass(frozen=True)
class Probe:
    """What came of the trial. `cause` is None where everything could be imported; `told` the whole message then."""

    python: str
    pipecat: str
    daily: str
    cause: Cause | None
    told: str = ""


def worker_python(root: Path, named: str = "") -> Path:
    """The Python of the worker: the one that is named (PIPECAT_PYTHON), else `.venv-pipecat`, else our own."""
    if named:
        return Path(named)
    own = root / ".venv-pipecat" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return own if own.exists() else Path(sys.executable)


def probe(python: Path, here: Machine, *, root: Path, limit_s: float = LIMIT_S) -> Probe:
    """Import Pipecat's Tavus service and its Daily transport with that Python. Takes one to two seconds once warm.

    It stands in `root`, as the worker does, so that a file daily.py there is found to be in the way.

    Nothing is contacted, and nothing of the environment but the path and the temporary folder is handed on: no key.
    """
    kept = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "HOME", "USERPROFILE", "LOCALAPPDATA", "LD_LIBRARY_PATH")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    env |= {"PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1"}
    command = [str(python), "-c", _TRIAL]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=limit_s, env=env,
            cwd=root, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return _failed(Cause("probe_slow", f"The worker's packages did not load within {limit_s:g} s.", "Try again."))
    except OSError as error:
        told = error.strerror or type(error).__name__
        fix = "Point PIPECAT_PYTHON at a python executable, or leave it empty."
        return _failed(Cause("python_missing", f"The worker's Python can't be started: {told}.", fix))
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        ended = f"its process ended with code {done.returncode}"
        crash = Cause("probe_crashed", f"The worker's Python broke while it loaded: {ended}.", "Install it anew.")
        return _failed(crash, done.stderr[-3000:])
    there = replace(
        here,
        python=str(answer["python"]).split("+")[0],
        implementation=answer["implementation"],
        architecture=architecture(answer["architecture"]),
        bits=answer["bits"],
        free_threaded=answer["free_threaded"],
    )
    cause = None
    if answer["error"]:
        cause = of_import(answer["error"], there, daily=answer["daily"], daily_from=answer["daily_from"])
    return Probe(there.python, answer["pipecat"], answer["daily"], cause, answer["error"])


def _failed(cause: Cause, told: str = "") -> Probe:
    return Probe("", "", "", cause, told)
