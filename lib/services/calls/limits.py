"""Greenroom's own limits: calls at once, minutes a day, starts a minute and person. Reserved minutes count in full."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from lib.errors import LimitReached
from lib.models import CallLimits
from lib.services.ledger import outcome
from lib.services.wording.plain import minutes
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
            are = "are" if self.max_calls > 1 else "is"
            return outcome.limit_reached("max_concurrent_calls", every=every, are=are)
        if call_s / 60 > self.minutes_left:
            left, length = self.minutes_left, minutes(call_s)
            return outcome.limit_reached("daily_minutes", left=left, most=self.minutes_max, length=length)
        if self.recent_starts >= self.max_starts_per_minute:
            return outcome.limit_reached("max_starts_per_minute", starts=self.recent_starts, retry_after_s=60)
        return None


def allowance(connection: Connection, account: str, limits: CallLimits, now: datetime, actor: str = "") -> Allowance:
    """Read what counts against the limits. `actor` is the person whose starts count."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    usage = rows.usage(connection, account, today=today, recent=now - RECENT, now=now, actor=actor)
    return Allowance(
        open_calls=usage.open_calls,
        max_calls=limits.at_once,
        minutes_used=usage.used_s / 60,
        minutes_reserved=usage.reserved_s / 60,
        minutes_max=limits.minutes_a_day,
        max_call_s=limits.call_s,
        recent_starts=usage.recent_starts,
        max_starts_per_minute=limits.starts_a_minute,
    )
