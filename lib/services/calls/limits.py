"""Greenroom's own limits: calls at once, minutes a day, starts a minute and person. Reserved minutes count in full."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from lib.errors import LimitReached
from lib.services.wording.plain import minutes
from lib.settings import Settings
from lib.store import sessions as rows

RECENT = timedelta(minutes=1)


@dataclass(frozen=True)
class Allowance:
    """What is left. Minutes are of today (UTC); an open call reserves all that it may take, starts are one person's."""

    open_calls: int
    max_calls: int
    minutes_used: float
    minutes_reserved: float
    minutes_max: int
    max_call_s: int
    recent_starts: int
    max_starts_per_minute: int

    @property
    def minutes_left(self) -> float:
        """What a start may still reserve today."""
        return max(0.0, self.minutes_max - self.minutes_used - self.minutes_reserved)

    def refusal(self, call_s: int) -> LimitReached | None:
        """Why a call of `call_s` seconds can't start now, or None."""
        if self.open_calls >= self.max_calls:
            every = f"All {self.max_calls} calls" if self.max_calls > 1 else "The one call"
            return LimitReached(
                f"{every} that this console may hold at once {'are' if self.max_calls > 1 else 'is'} open.",
                code="max_concurrent_calls",
                hint="End one of the open sessions, or wait until it ends. MAX_CONCURRENT_CALLS sets the limit.",
            )
        if call_s / 60 > self.minutes_left:
            return LimitReached(
                f"{self.minutes_left:.0f} of today's {self.minutes_max} minutes are neither used nor reserved, "
                f"and this call may take {minutes(call_s)}.",
                code="daily_minutes",
                hint="Minutes count anew at midnight UTC. DAILY_MINUTES sets the limit.",
            )
        if self.recent_starts >= self.max_starts_per_minute:
            return LimitReached(
                f"You started {self.recent_starts} calls within the last minute, the most that one person may.",
                code="max_starts_per_minute",
                retry_after_s=60,
                hint="Wait a minute and try again. MAX_STARTS_PER_MINUTE sets the limit.",
            )
        return None


def allowance(connection: Connection, account: str, settings: Settings, now: datetime, actor: str = "") -> Allowance:
    """Read what counts against the limits. `actor` is the person whose starts count."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    usage = rows.usage(connection, account, today=today, recent=now - RECENT, now=now, actor=actor)
    return Allowance(
        open_calls=usage.open_calls,
        max_calls=settings.max_concurrent_calls,
        minutes_used=usage.used_s / 60,
        minutes_reserved=usage.reserved_s / 60,
        minutes_max=settings.daily_minutes,
        max_call_s=settings.max_call_s,
        recent_starts=usage.recent_starts,
        max_starts_per_minute=settings.max_starts_per_minute,
    )
