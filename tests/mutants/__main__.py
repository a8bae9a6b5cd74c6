"""Applies each named mutation to a copy of the sources and shows which test notices it.

A mutation is killed when a test fails by an assertion: an exception could come from anywhere.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.mutants.named import EVERY, Mutant
from tests.running import ROOT

COPIED = ("lib", "pages", "tests", "static", ".streamlit", "app.py", "dev.py", "pyproject.toml", ".env.example")
MACHINE = "tests/services/ledger/test_machine.py"
KINDS = {"sqlite": "not postgresql", "postgresql": "postgresql"}
HISTORIES = "1000"
"""As many as the machine is given to notice one mutation; it notices most within the first hundred."""


@dataclass(frozen=True)
class Seen:
    """What a run of tests said: the first that failed, and how."""

    test: str = ""
    message: str = ""
    broke: bool = False

    @property
    def killed(self) -> bool:
        return bool(self.test) and self.message.startswith(("AssertionError", "assert "))


def copy(folder: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, folder / name)


def apply(mutant: Mutant, folder: Path) -> None:
    """Raises SystemExit where the source is not as the mutation expects it."""
    for name, old, new in mutant.edits:
        text = (folder / name).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise SystemExit(f"{mutant.name}: {text.count(old)} places instead of one in {name} read\n{old}")
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def run(folder: Path, *tests: str, database: str = "sqlite") -> Seen:
    """The first failure of these tests in the copy, on this kind of database."""
    with tempfile.TemporaryDirectory() as place:
        return _run(folder, Path(place) / "report.xml", tests, KINDS[database])


def _run(folder: Path, report: Path, tests: tuple[str, ...], chosen: str) -> Seen:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--show-capture=no",
               f"--junit-xml={report}", "-k", chosen, *tests]  # fmt: skip
    env = {**os.environ, "LEDGER_HISTORIES": HISTORIES, "LEDGER_SHRINK": "0", "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, errors="replace", timeout=900)
    if not report.exists() or done.returncode not in (0, 1):
        return Seen("pytest", done.stdout[-2000:], broke=True)
    for case in ElementTree.parse(report).iter("testcase"):
        for kind in ("failure", "error"):
            found = case.find(kind)
            if found is not None:
                return Seen(str(case.get("name")), str(found.get("message")), broke=kind == "error")
    return Seen()


def tried(mutant: Mutant) -> bool:
    """Apply it, run what is to notice it, print a line. True if it was killed."""
    folder = Path(tempfile.mkdtemp(prefix="greenroom-mutant-"))
    begun = time.monotonic()
    try:
        copy(folder)
        apply(mutant, folder)
        seen = [run(folder, *mutant.tests, database=mutant.database)]
        if mutant.machine:
            seen.append(run(folder, MACHINE))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    killed = seen[0].killed
    print(f"{'killed  ' if killed else 'SURVIVED'} {mutant.name}: {mutant.wrong} ({time.monotonic() - begun:.0f} s)")
    for one, who in zip(seen, ("row", "machine"), strict=False):
        said = one.message.splitlines()[0][:110] if one.message else ""
        print(f"         {who:8} {one.test or 'noticed nothing'}{': ' + said if said else ''}", flush=True)
    return killed


def main() -> int:
    cli = argparse.ArgumentParser(prog="python dev.py mutants", description=__doc__)
    cli.add_argument("names", nargs="*", help="only these mutations")
    cli.add_argument("--list", action="store_true", help="name them all and do nothing")
    options = cli.parse_args()
    chosen = [one for one in EVERY if not options.names or one.name in options.names]
    if options.list or not chosen:
        for one in EVERY:
            print(f"{one.name}: {one.wrong}")
        return 0 if options.list else 2
    for kind in KINDS:
        tests = sorted({test for one in chosen if one.database == kind for test in one.tests})
        whole = run(ROOT, *tests, database=kind) if tests else Seen()
        if whole.test:
            print(f"The sources as they are do not pass: {whole.test}: {whole.message}")
            return 1
    survived = [one.name for one in chosen if not tried(one)]
    print(f"{len(chosen) - len(survived)} of {len(chosen)} killed by an assertion of a row's own test")
    if survived:
        print(f"Survived: {', '.join(survived)}")
    return 1 if survived else 0


if __name__ == "__main__":
    raise SystemExit(main())
