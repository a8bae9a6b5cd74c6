"""`python -m lib doctor`: the checks without a browser, on bare Python where nothing else is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from lib.doctor import bare
from lib.doctor.machine import machine
from lib.doctor.modes import matrix
from lib.doctor.probe import probe, worker_python
from lib.doctor.report import WORDS, Outcome, Report, report_json, verdict

Full = Callable[[], Report]


def run(root: Path, *, as_json: bool, full: Full | None, out: Callable[[str], None] = print) -> int:
    """Check, print, and answer 0, or 1 where something failed.

    `full` makes the report of everything; it is None where the packages that it needs are not installed. `as_json`
    prints one JSON object and nothing else.
    """
    report = full() if full is not None else bare_report(root)
    out(report_json(report) if as_json else as_text(report))
    return 1 if report.result is Outcome.FAIL else 0


def bare_report(root: Path) -> Report:
    """What can be said before anything is installed."""
    at, started, here = datetime.now(UTC), time.monotonic(), machine()
    tried = probe(worker_python(root), here, root=root)
    checks = (bare.this_machine(here), bare.packages(root), bare.worker(here, tried), bare.disk(root / "data"))
    told, result = verdict(checks, ready="This machine is fit. Start with python dev.py run.")
    return Report(
        at=at,
        took_s=time.monotonic() - started,
        verdict=told,
        result=result,
        checks=checks,
        configuration=(),
        versions={},
        modes=matrix(here, tried, refused=None, missing_keys=(), sandbox=True),
    )


def as_text(report: Report) -> str:
    """The report for a terminal: what failed first."""
    order = list(WORDS)
    lines = [report.verdict, f"{report.counts()}, in {report.took_s:.1f} s", ""]
    for check in sorted(report.checks, key=lambda check: order.index(check.result)):
        lines.append(f"{WORDS[check.result]:<9} {check.name}: {check.evidence}")
        lines += [f"{'':<9} -> {check.fix}"] if check.fix else []
    lines += ["", "Modes on this machine"]
    for mode in report.modes:
        lines.append(f"  {mode.mode}: {mode.state}. {mode.because}")
        lines += [f"    -> {mode.command}"] if mode.command else []
    return "\n".join(lines)
