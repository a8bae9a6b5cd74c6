"""Diagnostics: what works, what does not and what to do about it; every setting with its source; a report to send."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lib.services.diagnostics import Diagnostics
from lib.services.report import Check, Outcome, Report, Row, report_json, report_markdown
from lib.ui import context, feedback, parts
from lib.ui.text import local, md

KINDS: dict[Outcome, parts.Kind] = {Outcome.PASS: "good", Outcome.LOOK: "warn", Outcome.FAIL: "bad"}
WORST_FIRST = [Outcome.FAIL, Outcome.LOOK, Outcome.PASS, Outcome.SKIP]
COLUMNS = [2.2, 1.3, 6.7]


def head() -> bool:
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


def rows(checks: Sequence[Check]) -> None:
    """One row a check, the worst first."""
    with st.container(border=True, key="rows-checks", gap="small"):
        with st.container(key="checks-only-desk"):
            for column, word in zip(st.columns(COLUMNS, gap="small"), ("Check", "Result", "Evidence"), strict=True):
                column.caption(word)
        for check in sorted(checks, key=lambda check: WORST_FIRST.index(check.result)):
            name, result, evidence = st.columns(COLUMNS, vertical_alignment="center", gap="small")
            name.markdown(f"**{md(check.name)}**")
            with result:
                parts.chip(check.result.value)
            fix = f"  \n:small[{md(check.fix)}]" if check.fix else ""
            evidence.markdown(f":small[:gray[{md(check.evidence)}]]{fix}")


def configuration(settings: Sequence[Row]) -> None:
    import pyarrow  # type: ignore[import-untyped]

    st.caption("Environment, then .env, then .streamlit/secrets.toml. Secrets show their end only.")
    st.dataframe(
        pyarrow.table(
            {
                "setting": [row.name for row in settings],
                "value": [row.value for row in settings],
                "source": [row.source for row in settings],
            }
        ),
        hide_index=True,
        row_height=38,
        height="content",
        key="diagnostics_settings",
        column_config={
            "setting": st.column_config.TextColumn("Setting", width=220),
            "value": st.column_config.TextColumn("Value", width=380),
            "source": st.column_config.TextColumn("From", width=180),
        },
    )


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
    st.code(text, language=None, height=320)


def main() -> None:
    again = head()

    # fetch
    with feedback.required("run the checks"):
        report = checked(context.services().diagnostics, again=again)

    # render
    verdict(report)
    checks, settings, text = st.tabs(["Checks", "Configuration", "Report"])
    with checks:
        rows(report.checks)
    with settings:
        configuration(report.configuration)
    with text:
        to_send(report)


main()
