"""How long `python -m lib doctor` takes: when all is well, and when every far side is silent."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.load import p50
from tests.bench.start import alone
from tests.running import ROOT, Dashboard
from tests.silent import all_silent
from tests.surroundings import for_a_process

WELL_S, WORST_S = 3.0, 15.0


@dataclass(frozen=True)
class Doctor:
    """Seconds of the whole command. `failed` are the checks that failed when all should be well."""

    well: float
    silent: float
    failed: list[str]


def measure(folder: Path, rounds: int) -> Doctor:
    """All is well: a key that is taken, a database in use, and the worker's packages where they are installed."""
    data = folder / "data"
    with Dashboard(data=data):
        pass
    database = {"DATABASE_URL": f"sqlite:///{(data / 'greenroom.db').as_posix()}"}
    with alone() as sandbox:
        fine = {**database, "TAVUS_API_KEY": "bench-key-0123456789", "TAVUS_BASE_URL": f"{sandbox}/v2"}
        well = [_once(fine) for _ in range(rounds + 1)]
    with all_silent(folder, "bench-key-0123456789", "bench-daily-0123456789") as mute:
        silent, _ = _once(mute)
    return Doctor(p50([seconds for seconds, _ in well[1:]]), silent, well[-1][1])


def _once(env: dict[str, str]) -> tuple[float, list[str]]:
    """Seconds, and which checks failed."""
    command = [sys.executable, "-m", "lib", "doctor", "--json"]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=for_a_process(**env), capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    checks = json.loads(done.stdout)["checks"]
    return seconds, [check["name"] for check in checks if check["result"] == "fail"]


def told(taken: Doctor) -> str:
    def within(seconds: float, most: float) -> str:
        return f"{seconds:.2f} s ({'ok' if seconds <= most else 'OVER'}, at most {most:.0f})"

    failed = f", although this failed: {', '.join(taken.failed)}" if taken.failed else ""
    return (
        f"python -m lib doctor: {within(taken.well, WELL_S)} when all is well{failed}; "
        f"{within(taken.silent, WORST_S)} when Tavus, Daily, the chat endpoint, PUBLIC_URL, the database and the "
        "worker's Python are all silent\n"
    )
