"""Diagnostics: what works, what does not and what to do about it; every setting with its source; a report to send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from lib.services.diagnostics.service import (
    CheckResult,
    Diagnostics,
    HealthCheck,
    ModeStanding,
    ModeState,
    Report,
    SettingRow,
    report_json,
    report_markdown,
)
from lib.ui.call import browser_check, try_agent
from lib.ui.kit import context, feedback, parts
from lib.ui.kit.text import html, local

KINDS: dict[CheckResult, parts.Kind] = {CheckResult.PASS: "good", CheckResult.LOOK: "warn", CheckResult.FAIL: "bad"}
WORST_FIRST = [CheckResult.FAIL, CheckResult.LOOK, CheckResult.PASS, CheckResult.SKIP]
CHIPS = {ModeStanding.WORKS: "works", ModeStanding.COMMAND: "command", ModeStanding.CANT: "cant"}
COLUMNS = [2.6, 1.3, 6.3]
ROWS = """
.gr-results { font-size: .8667rem; line-height: 1.6rem; }
.gr-results > div { display: grid; grid-template-columns: calc(25.49% - .67rem) calc(12.75% - .67rem) 1fr; }
.gr-results > div { gap: .15rem 1rem; align-items: center; }
.gr-results > div + div { min-height: 3rem; margin-top: .6rem; padding-top: 1rem; }
.gr-results > div + div { border-top: 1px solid var(--gr-line-table); }
.gr-results b { font-size: 1rem; font-weight: 600; overflow-wrap: normal; }
.gr-results span:not(.gr-chip) { overflow-wrap: anywhere; color: var(--gr-quiet); }
.gr-results small { display: block; font-size: inherit; color: var(--gr-text); }
@media (max-width: 640px) {
  .gr-results > div { grid-template-columns: 1fr auto; }
  .gr-results > div > span:not(.gr-chip) { grid-column: 1 / -1; }
  .gr-results > .gr-top { display: none; }
  .gr-results > .gr-top + div { min-height: 0; border: 0; margin: 0; padding: 0; }
}
"""
SHEET = """
.gr-settings { border: 1px solid var(--gr-line); border-radius: .5rem; font-size: .9333rem; }
.gr-settings > div { display: grid; grid-template-columns: 15.5rem 1fr 10.5rem; gap: .2rem 1rem; padding: .55rem 1rem; }
.gr-settings > div + div { border-top: 1px solid var(--gr-line); }
.gr-settings b { font-weight: 600; overflow-wrap: normal; }
.gr-settings span { overflow-wrap: anywhere; }
.gr-settings i, .gr-settings small { font-style: normal; color: var(--gr-quiet); }
.gr-settings small { font-size: .8667rem; grid-column: 2 / -1; }
.gr-settings > div:first-child > * { font-weight: 400; font-size: .8667rem; color: var(--gr-quiet); }
@media (max-width: 640px) {
  .gr-settings > div { grid-template-columns: 1fr auto; }
  .gr-settings > div:first-child { display: none; }
  .gr-settings span { grid-column: 1 / -1; grid-row: 2; }
  .gr-settings small { grid-column: 1 / -1; }
}
"""


def draw_diagnostics_head() -> bool:
    """The title; returns whether to check anew."""
    with parts.header("Diagnostics", "What works, what does not and what to do about it. Checks are free.", "diag"):
        return st.button("Run checks", type="primary", icon=":material/play_arrow:", key="diagnostics_run")


def checked(diagnostics: Diagnostics, *, again: bool) -> Report:
    """The report: on opening at most 30 s old, on a rerun the same as before, made anew on demand."""
    if again:
        with st.spinner("Checking"):
            return diagnostics.run(0)
    if context.freshness() is None:
        return diagnostics.run(None)
    with st.spinner("Checking"):
        return diagnostics.run()


def verdict(report: Report) -> None:
    with parts.banner(KINDS[report.result], report.verdict, key="verdict"):
        st.caption(f"{report.counts()} · at {local(report.at):%H:%M:%S}", width="content")


def draw_checks(checks: Sequence[HealthCheck]) -> None:
    """One row a check, the worst first, all as one element."""
    worst_first = sorted(checks, key=lambda check: WORST_FIRST.index(check.result))
    shown = "".join(row(check.name, check.result.value, check.evidence, check.fix) for check in worst_first)
    head = '<div class="gr-top"><span>Check</span><span>Result</span><span>Evidence</span></div>'
    with st.container(border=True, key="rows-checks"):
        st.html(f'<style>{ROWS}</style><div class="gr-results">{head}{shown}</div>')


def row(name: str, chip: str, told: str, fix: str = "") -> str:
    mend = f"<small>{html(fix)}</small>" if fix else ""
    return f"<div><b>{unbroken(name)}</b>{parts.chip_html(chip)}<span>{html(told)}{mend}</span></div>"


def modes(states: Sequence[ModeState]) -> None:
    """Each way to hold a session, and whether it works on this machine; a command has its button to copy it."""
    with st.container(border=True, key="rows-modes", gap="small"):
        st.html(f"<style>{ROWS}</style>")
        for state in states:
            if not state.command:
                shown = row(state.mode, CHIPS[state.state], state.because)
                st.container().html(f'<div class="gr-results">{shown}</div>')
                continue
            name, works, why = st.columns(COLUMNS, vertical_alignment="center", gap="small")
            name.html(f'<div class="gr-results"><b>{unbroken(state.mode)}</b></div>')
            works.html(parts.chip_html(CHIPS[state.state]))
            why.html(f'<div class="gr-results"><span>{html(state.because)}</span></div>')
            why.code(state.command, language=None, wrap_lines=True)


def systems() -> None:
    """The way to what each system can do."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption("This machine only. What runs on other systems, how to set it up, what was tried:", width="content")
        if st.button("Which mode runs where", icon=":material/devices:", key="diagnostics_systems"):
            guide()


@st.dialog("Which mode runs where", width="large", icon=":material/devices:")
def guide() -> None:
    """docs/platforms.md, as it is."""
    text = context.services().diagnostics.guide()
    st.markdown(text or "The file docs/platforms.md is not in the project's folder.")


def configuration(settings: Sequence[SettingRow]) -> None:
    """Every setting with its value and source as one element; a wrong one says so and what to do."""
    st.caption("Environment, then .env, then .streamlit/secrets.toml. Secrets show their end only.")
    cells = "".join(setting(row) for row in sorted(settings, key=lambda row: not row.problem))
    head = "<div><b>Setting</b><span>Value</span><i>From</i></div>"
    st.html(f'<style>{SHEET}</style><div class="gr-settings">{head}{cells}</div>')


def setting(row: SettingRow) -> str:
    chip = f"{parts.chip_html('fail')} " if row.problem else ""
    told = f"<small>{html(row.problem)}</small>" if row.problem else ""
    value = f"<span>{chip}{html(row.value)}</span>"
    return f'<div title="{html(row.help)}"><b>{unbroken(row.name)}</b>{value}<i>{html(row.source)}</i>{told}</div>'


def unbroken(name: str) -> str:
    """A name that breaks after its underscores and nowhere else, and is copied as it is."""
    return html(name).replace("_", "_<wbr>")


def to_send(report: Report) -> None:
    stem = f"greenroom-report-{report.at:%Y%m%d-%H%M}"
    text = report_markdown(report)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption("Keys, prompts and transcripts are left out. Read it before you send it.", width="stretch")
        st.download_button(
            "JSON",
            lambda: report_json(report),
            f"{stem}.json",
            "application/json",
            key="diagnostics_json",
            on_click="ignore",
        )
        st.download_button(
            "Download",
            lambda: text,
            f"{stem}.md",
            "text/markdown",
            type="primary",
            icon=":material/download:",
            key="diagnostics_md",
            on_click="ignore",
        )
    st.code(text, language=None, height=420, wrap_lines=True)


def main() -> None:
    again = draw_diagnostics_head()

    # fetch
    with feedback.required("run the checks"):
        report = checked(context.services().diagnostics, again=again)

    # render
    report = replace(report, checks=(*report.checks, *browser_check.draw_browser_check()))
    verdict(report)
    checks, matrix, settings, text = st.tabs(["Checks", "Modes", "Configuration", "Report"])
    with checks:
        if report.result is not CheckResult.FAIL:
            try_agent.draw_trial()
        draw_checks(report.checks)
    with matrix:
        modes(report.modes)
        systems()
    with settings:
        configuration(report.configuration)
    with text:
        to_send(report)


main()
