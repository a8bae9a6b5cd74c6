"""The checks that need nothing but Python: also where nothing is installed yet, since that is when they are needed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from lib.doctor.causes import of_platform
from lib.doctor.machine import Machine, versions
from lib.doctor.probe import Probe
from lib.doctor.report import CheckId, CheckResult, HealthCheck

LITTLE_SPACE = 200 * 1024 * 1024
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^;\s]+)\s*(;.*)?$")


def this_machine(here: Machine) -> HealthCheck:
    """System, architecture, C library and Python."""
    if not here.python_fits:
        return HealthCheck(CheckId.MACHINE, CheckResult.FAIL, f"{here}.", "Install Python 3.11 or newer.")
    return HealthCheck(CheckId.MACHINE, CheckResult.PASS, f"{here}.")


def packages(root: Path) -> HealthCheck:
    """Whether what requirements.txt pins is what this Python has."""
    try:
        wanted = pinned(root)
    except OSError:
        return HealthCheck(
            CheckId.PACKAGES, CheckResult.FAIL, "requirements.txt can't be read.", "Get the whole project again."
        )
    found = versions(wanted)
    absent = [name for name, version in found.items() if not version]
    other = [
        f"{name} {found[name]} in place of {wanted[name]}" for name in wanted if found[name] not in ("", wanted[name])
    ]
    if absent:
        return HealthCheck(
            CheckId.PACKAGES, CheckResult.FAIL, f"Not installed: {', '.join(absent)}.", "Run python dev.py run."
        )
    if other:
        return HealthCheck(
            CheckId.PACKAGES,
            CheckResult.LOOK,
            f"{'; '.join(other)}.",
            "Run pip install --require-hashes -r requirements.lock.",
        )
    return HealthCheck(CheckId.PACKAGES, CheckResult.PASS, f"All {len(wanted)} that are named are installed as pinned.")


def pinned(root: Path) -> dict[str, str]:
    """The version of each package that requirements.txt pins. Raises OSError.

    Pins that only hold for some systems are left to pip: what a marker means is its business.
    """
    lines = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {pin[1]: pin[2] for line in lines if (pin := _PIN.match(line.strip())) and not pin[3]}


def worker(here: Machine, tried: Probe) -> HealthCheck:
    """Whether the packages of the Pipecat worker can be loaded. Not having them is no failure: one mode needs them."""
    stuck = of_platform(here)
    if stuck is not None:
        return HealthCheck(CheckId.WORKER, CheckResult.LOOK, stuck.cause, stuck.fix)
    if tried.cause is not None:
        absent = tried.cause.code == "pipecat_missing"
        told = tried.cause.cause + (" Only the mode pipecat_daily needs it." if absent else "")
        return HealthCheck(CheckId.WORKER, CheckResult.SKIP if absent else CheckResult.LOOK, told, tried.cause.fix)
    told = f"Python {tried.python}, Pipecat {tried.pipecat}, daily-python {tried.daily}: all can be loaded."
    return HealthCheck(CheckId.WORKER, CheckResult.PASS, told)


def disk(folder: Path) -> HealthCheck:
    """Room for the database."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        return HealthCheck(CheckId.DISK, CheckResult.LOOK, f"It can't be asked: {error.strerror}.")
    told = f"{free / 1024**3:.1f} GB free."
    if free < LITTLE_SPACE:
        return HealthCheck(
            CheckId.DISK, CheckResult.LOOK, told, "Make room: once the disk is full, no session can start."
        )
    return HealthCheck(CheckId.DISK, CheckResult.PASS, told)
