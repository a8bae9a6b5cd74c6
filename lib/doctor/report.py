"""A diagnostic report as a value, and as text to send to someone.

Every form is made from the fields named here and from nothing else, so that a field that is added elsewhere can't
slip into a report. Values of secrets never get in: `Row.value` holds them masked.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from lib.doctor.modes import ModeState


class CheckResult(StrEnum):
    """How a check went. `look`: it works, and a person should know something about it. `skip`: it was not run."""

    PASS = "pass"  # noqa: S105 (no password)
    LOOK = "look"
    FAIL = "fail"
    SKIP = "skip"


WORDS = {CheckResult.FAIL: "fail", CheckResult.LOOK: "to check", CheckResult.PASS: "pass", CheckResult.SKIP: "not run"}


class CheckId(StrEnum):
    """What a check is known by to a program. A setting's check has the setting's name for it.

    Each with how a person calls it.
    """

    shown: str

    def __new__(cls, value: str, shown: str) -> CheckId:
        one = str.__new__(cls, value)
        one._value_, one.shown = value, shown
        return one

    MACHINE = "machine", "This machine"
    PACKAGES = "packages", "Packages"
    WORKER = "worker", "Pipecat worker"
    DISK = "disk", "Disk"
    SETTINGS = "settings", "Settings"
    TAVUS = "tavus", "Tavus"
    SANDBOX = "sandbox", "Sandbox"
    CLOCK = "clock", "Clock"
    REPLICAS = "replicas", "Replicas"
    DATABASE = "database", "Database"
    MODE = "mode", "Avatar mode"
    DAILY = "daily", "Daily"
    DAILY_ROOM = "daily_room", "Daily room: create and delete"
    CALLS = "calls", "Calls"
    BACKGROUND = "background", "Background watch"
    CHAT = "chat", "Text chat"
    CALLBACKS = "callbacks", "Callbacks"
    CLUSTER = "cluster", "Kubernetes cluster"
    INNER = "inner_parts", "Streamlit's inner parts"
    START_FREE = "start_free", "Start, tried free"
    START_PAID = "start_paid", "Start, for real"
    BROWSER = "browser", "This browser"
    MICROPHONE = "microphone", "Microphone"
    CAMERA = "camera", "Camera"


@dataclass(frozen=True)
class HealthCheck:
    """One question with its answer. `id` is a CheckId or a setting's name; `fix` says what to do, "" if nothing."""

    id: str
    result: CheckResult
    evidence: str
    fix: str = ""

    @property
    def name(self) -> str:
        """How a person calls it."""
        return self.id.shown if isinstance(self.id, CheckId) else self.id


@dataclass(frozen=True)
class SettingRow:
    """One setting as it may be shown. `source` is where it comes from; "default" where nothing is set.

    `problem` says what is wrong with it and what to do; `value` is then what was written, where that may be shown.
    `help` says what it is for, for whoever looks at it here; a report is sent without.
    """

    name: str
    value: str
    source: str
    problem: str = ""
    help: str = field(default="", compare=False)


@dataclass(frozen=True)
class Report:
    """`verdict` is one sentence, `result` the worst that it rests on; `took_s` how long the checks ran.

    `modes` says of each way to hold a session whether it works on this machine.
    """

    at: datetime
    took_s: float
    verdict: str
    result: CheckResult
    checks: tuple[HealthCheck, ...]
    configuration: tuple[SettingRow, ...]
    versions: Mapping[str, str]
    modes: tuple[ModeState, ...] = ()

    def counts(self) -> str:
        """ "7 checks · 5 pass · 1 to check · 1 not run"."""
        tally = Counter(check.result for check in self.checks)
        told = [f"{tally[result]} {word}" for result, word in WORDS.items() if tally[result]]
        count = f"{len(self.checks)} check{'s' if len(self.checks) != 1 else ''}"
        return " · ".join([count, *told])


def report_json(report: Report) -> str:
    """The report as an indented JSON document."""
    document = {
        "report": "greenroom-diagnostics",
        "at": report.at.isoformat(timespec="seconds"),
        "took_s": round(report.took_s, 3),
        "verdict": report.verdict,
        "result": report.result.value,
        "checks": [
            {"name": c.name, "result": c.result.value, "evidence": c.evidence, "fix": c.fix} for c in report.checks
        ],
        "modes": [
            {"mode": m.mode, "state": m.state.value, "because": m.because, "command": m.command} for m in report.modes
        ],
        "configuration": [
            {"name": r.name, "value": r.value, "source": r.source, "problem": r.problem} for r in report.configuration
        ],
        "versions": dict(report.versions),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def report_markdown(report: Report) -> str:
    """The report as Markdown that also reads well as plain text."""
    checks = tuple((c.name, WORDS[c.result], " ".join(filter(None, (c.evidence, c.fix)))) for c in report.checks)
    configuration = tuple((r.name, r.value, r.source, r.problem or "–") for r in report.configuration)
    modes = tuple((m.mode, m.state.value, " ".join(filter(None, (m.because, m.command)))) for m in report.modes)
    versions = tuple((name, found or "not installed") for name, found in report.versions.items())
    return "\n\n".join(
        [
            f"# Greenroom report, {report.at:%Y-%m-%d %H:%M} UTC",
            f"**{_cell(report.verdict)}** {report.counts()}.",
            _table(("Check", "Result", "Evidence"), checks),
            "## Modes",
            _table(("Mode", "Here", "Why"), modes),
            "## Configuration",
            _table(("Setting", "Value", "From", "Problem"), configuration),
            "## Versions",
            _table(("Package", "Version"), versions),
        ]
    )


@lru_cache(maxsize=16)  # the page that shows a report makes it on each of its runs
def _table(head: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    cells = [head, *[tuple(_cell(value) for value in row) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head) - 1)] + [0]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    rule = "|" + "|".join("-" * (max(width, 3) + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _cell(text: str) -> str:
    return re.sub(r"([\\|`*<\[\]])", r"\\\1", " ".join(text.split()))


def verdict(checks: Sequence[HealthCheck], *, ready: str) -> tuple[str, CheckResult]:
    """One sentence for all of them and the worst of their outcomes. `ready` is said where nothing failed."""

    def named(result: CheckResult) -> list[str]:
        return list(dict.fromkeys(check.name for check in checks if check.result is result))

    if failed := named(CheckResult.FAIL):
        things = "One thing" if len(failed) == 1 else f"{len(failed)} things"
        return f"Not ready for live calls. {things} to fix: {', '.join(failed)}.", CheckResult.FAIL
    if looks := named(CheckResult.LOOK):
        things = "One thing" if len(looks) == 1 else f"{len(looks)} things"
        return f"{ready} {things} to check: {', '.join(looks)}.", CheckResult.LOOK
    return ready, CheckResult.PASS
