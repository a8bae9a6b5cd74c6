"""`python -m lib doctor`: the checks without a browser, on bare Python where nothing else is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lib.doctor import bare
from lib.doctor.machine import machine
from lib.doctor.modes import ModeFacts, matrix
from lib.doctor.probe import probe, worker_python
from lib.doctor.report import WORDS, CheckId, CheckResult, HealthCheck, Report, report_json, verdict

Full = Callable[[], Report]


def run(
    root: Path,
    *,
    as_json: bool,
    full: Full | None,
    paid: Callable[[], HealthCheck] | None = None,
    out: Callable[[str], None] = print,
) -> int:
    """Check, print, and answer 0, or 1 where something failed.

    `full` makes the report of everything; it is None where the packages that it needs are not installed. `paid` holds
    a call that is billed; it is left out where something failed before. `as_json` prints one JSON object and nothing
    else.
    """
    report = full() if full is not None else bare_report(root)
    if paid is not None:
        first = [check.name for check in report.checks if check.result is CheckResult.FAIL]
        told = f"Not tried: to be fixed first: {', '.join(first)}."
        report = with_check(report, HealthCheck(CheckId.START_PAID, CheckResult.SKIP, told) if first else paid())
    out(report_json(report) if as_json else as_text(report))
    return 1 if report.result is CheckResult.FAIL else 0


def with_check(report: Report, check: HealthCheck) -> Report:
    """The report with one check more; the verdict counts it, unless it was not run."""
    checks = (*report.checks, check)
    if check.result is CheckResult.SKIP:
        return replace(report, checks=checks)
    told, result = verdict(checks, ready="Ready for live calls.")
    return replace(report, checks=checks, verdict=told, result=result)


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
        modes=matrix(ModeFacts(here, tried, sandbox=True)),
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
