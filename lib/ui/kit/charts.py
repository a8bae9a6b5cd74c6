"""Small charts as one element: minutes a day, how sessions ended. Drawn as HTML, so that a rerun costs nothing."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from math import ceil, floor, log10

import streamlit as st

from lib.services.records.archive import HistoryFigures
from lib.ui.kit.text import html

MOST_OUTCOMES, MOST_LABELS, WEEK = 6, 7, 10
STEPS = (1, 2, 5, 10)


def history(figures: HistoryFigures) -> None:
    """Minutes a day, and how the sessions ended."""
    st.html(_drawn(figures))


@lru_cache(maxsize=64)
def _drawn(figures: HistoryFigures) -> str:
    return f'<div class="gr-charts">{_minutes(figures)}{_outcomes(figures)}</div>'


def _minutes(figures: HistoryFigures) -> str:
    span = f"{len(figures.days)} days" if not figures.shortened else f"last {len(figures.days)} days"
    said = f"in calls, of {figures.allowed:,} min that {span} allow"
    if figures.price_per_minute:
        said = f"in calls, about {figures.cost:,.2f} at {figures.price_per_minute:g} a minute"
    highest = max(minutes for _, minutes, _ in figures.days)
    top = scale(highest)[-1]
    ticks = [(tick, tick / top) for tick in scale(highest)]
    lines = "".join(f'<hr style="bottom:{at:.2%}"><s style="bottom:{at:.2%}">{tick:g}</s>' for tick, at in ticks)
    every = ceil(len(figures.days) / MOST_LABELS) if len(figures.days) > WEEK else 1
    first = (len(figures.days) - 1) % every
    bars = "".join(
        f'<div title="{_told(day, minutes, sessions)}"><i style="height:{minutes / top:.2%}"></i>'
        f"<span>{_label(day, len(figures.days)) if (n - first) % every == 0 else ''}</span></div>"
        for n, (day, minutes, sessions) in enumerate(figures.days)
    )
    label = f"Minutes of calls a day, {figures.days[0][0]:%d %b} to {figures.days[-1][0]:%d %b}: at most {highest:.0f}"
    plot = f'<div class="gr-scale">{lines}</div>{bars}'
    return (
        f"<figure><figcaption><b>{figures.minutes:,.0f} min</b> {html(said)}</figcaption>"
        f'<div class="gr-days" role="img" aria-label="{html(label)}">{plot}</div></figure>'
    )


def _outcomes(figures: HistoryFigures) -> str:
    shown = list(figures.outcomes[:MOST_OUTCOMES])
    if len(figures.outcomes) > MOST_OUTCOMES:
        shown[-1] = ("Otherwise", sum(count for _, count in figures.outcomes[MOST_OUTCOMES - 1 :]))
    most = max((count for _, count in shown), default=1)
    rows = "".join(
        f'<span title="{html(words)}">{html(words)}</span>'
        f'<div><i style="width:{count / most:.2%}"></i><b>{count:,}</b></div>'
        for words, count in shown
    )
    noun = "session" if figures.sessions == 1 else "sessions"
    return (
        f"<figure><figcaption><b>{figures.sessions:,} {noun}</b> by how they ended</figcaption>"
        f'<div class="gr-outcomes">{rows}</div></figure>'
    )


def scale(highest: float) -> list[float]:
    """Round values from 0 up to `highest` or a little above, four or five of them; to 1 at least."""
    if highest <= 1:
        return [0.0, 1.0]
    power = 10 ** floor(log10(highest / 4))
    step = next(factor * power for factor in STEPS if factor * power * 4 >= highest)
    return [step * n for n in range(ceil(highest / step) + 1)]


def _told(day: date, minutes: float, sessions: int) -> str:
    return f"{day:%a} {day.day} {day:%b}: {minutes:.0f} min, {sessions} session{'' if sessions == 1 else 's'}"


def _label(day: date, days: int) -> str:
    return f"{day:%a}" if days <= WEEK else f"{day.day} {day:%b}"
