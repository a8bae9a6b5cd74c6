"""What the day has used: minutes, sessions, open calls, rooms that stayed empty."""

from __future__ import annotations

import time
from dataclasses import dataclass

import streamlit as st

from lib.models import Session
from lib.ui.call import strips
from lib.ui.kit import parts
from lib.wiring import Services

KEPT_S = 5.0


@dataclass(frozen=True)
class TodayFigures:
    """The day is that of the limits, which count in UTC. `counts` says how many sessions ended, are open, failed."""

    minutes_used: float
    minutes_reserved: float
    minutes_left: float
    minutes_max: int
    open_calls: int
    max_calls: int
    sessions: int
    counts: str
    nobody_joined: int

    def full(self, call_s: int) -> str:
        """Which limit would turn a start of `call_s` seconds into text chat; "" while there is room."""
        if self.open_calls >= self.max_calls:
            return f"{self.open_calls} of {self.max_calls} calls in use: a start now goes on as text chat."
        if call_s / 60 > self.minutes_left:
            return f"{self.minutes_left:.0f} of {self.minutes_max} min left today: a start now goes on as text chat."
        return ""


_kept: dict[tuple[object, ...], tuple[float, TodayFigures]] = {}


def read_today(services: Services, sessions: list[Session]) -> TodayFigures:
    """The figures, kept for a few seconds for all tabs, or until one of the open `sessions` moves on."""
    key = (id(services), services.account, strips.marks(sessions))
    known = _kept.get(key)
    if known is not None and time.monotonic() - known[0] < KEPT_S:
        return known[1]
    figures = _count(services)
    _kept.clear()
    _kept[key] = (time.monotonic(), figures)
    return figures


def _count(services: Services) -> TodayFigures:
    allowance = services.sessions.allowance()
    day = services.archive.today()
    counts = ((day.sessions - day.open - day.failed, "ended"), (day.open, "open"), (day.failed, "failed"))
    return TodayFigures(
        minutes_used=allowance.minutes_used,
        minutes_reserved=allowance.minutes_reserved,
        minutes_left=allowance.minutes_left,
        minutes_max=allowance.minutes_max,
        open_calls=allowance.open_calls,
        max_calls=allowance.max_calls,
        sessions=day.sessions,
        counts=", ".join(f"{count} {word}" for count, word in counts if count or word == "ended"),
        nobody_joined=day.nobody_joined,
    )


def draw_today(figures: TodayFigures) -> None:
    left = f"{figures.minutes_left:.0f} left of {figures.minutes_max}"
    if figures.minutes_reserved:
        left = f"{figures.minutes_reserved:.0f} reserved by open calls, {left}"
    st.header("Today", anchor=False)
    parts.metrics(
        (
            ("Minutes used", f"{figures.minutes_used:.0f} min", left),
            ("Sessions", f"{figures.sessions}", figures.counts),
            ("Calls open", f"{figures.open_calls}", f"{figures.max_calls} at once at most"),
            ("Nobody joined", f"{figures.nobody_joined}", "Rooms left empty"),
        )
    )
