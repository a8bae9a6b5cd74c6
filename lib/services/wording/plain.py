"""Lengths and sums, said plainly."""

from __future__ import annotations

from lib.models import Session


def minutes(seconds: float) -> str:
    """`10 min`, `90 s`: whole minutes where they are."""
    return f"{round(seconds / 60)} min" if seconds >= 60 and round(seconds) % 60 == 0 else f"{round(seconds)} s"


def length_s(session: Session) -> float:
    """How long the session lasted in seconds: of the room, or of the chat; 0 if it never was."""
    begun = session.begun_at
    if begun is None or session.ended_at is None:
        return 0.0
    return max(0.0, (session.ended_at - begun).total_seconds())


def cost(session: Session, price_per_minute: float) -> float | None:
    """What its minutes cost at this price, from the making of its room on; None without a room or a price."""
    if not session.in_room or not price_per_minute:
        return None
    return length_s(session) / 60 * price_per_minute or None
