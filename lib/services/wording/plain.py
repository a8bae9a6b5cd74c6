"""Tavus's words for how a call ended, said plainly."""

from __future__ import annotations

from lib.models import Mode, Session

# Documented at https://docs.tavus.io/sections/webhooks-and-callbacks; several are also sent with a trailing
# " reached" or more text, so they are matched by their beginning, with "_" for blanks.
END_REASONS = (
    ("end_conversation_endpoint_hit", "You ended it"),
    ("max_call_duration", "Time limit reached"),
    ("participant_left_timeout", "Everyone left"),
    ("participant_absent_timeout", "Nobody joined"),
    ("bot_could_not_join_meeting", "The avatar could not join, the room was probably closed"),
    ("daily_room_has_been_deleted", "The room was deleted"),
    ("exception_encountered_during_conversation_startup", "Tavus failed while starting the call"),
    ("internal_error", "Tavus had an internal error"),
)

OURS = {
    "ended_here": "You ended it",
    "idle": "Nothing was written for 30 min",
    "not_created": "Tavus never created it",
    "never_found": "Tavus never said whether it was made",
    "gone": "Its conversation was deleted",
    "ended_at_tavus": "Ended at Tavus, which gave no reason",
    "unwatched": "Nobody was watching",
    "over_limit": "Time limit reached, Greenroom ended it",
    "over_budget": "Today’s minutes were used up",
    "unsafe_room": "Its room could not be shown",
    "key_lost": "The key of its room was lost",
    "worker_lost": "Its worker was lost",
    "late": "It was made late, after it had been given up",
    "lost": "Its record was lost, so it was ended",
    "extra": "It was made a second time, so it was ended",
}


def end_reason(code: str, *, limit_s: int, absent_s: int) -> str:
    """One short sentence without a full stop; the code itself where it is not known."""
    words = outcome(code)
    if words == "Time limit reached":
        return f"{words}, {minutes(limit_s)}"
    if words == "Nobody joined":
        return f"{words} within {minutes(absent_s)}"
    return words or f"Ended: {code[:120]}"


def outcome(code: str) -> str:
    """The same without figures, so that equal ends are called alike; "" for a code that is not known."""
    if not code:
        return "Ended, Tavus gave no reason"
    plain = "_".join(code.lower().replace("_", " ").split())
    return OURS.get(code) or next((words for beginning, words in END_REASONS if plain.startswith(beginning)), "")


def minutes(seconds: float) -> str:
    """`10 min`, `90 s`: whole minutes where they are."""
    return f"{round(seconds / 60)} min" if seconds >= 60 and round(seconds) % 60 == 0 else f"{round(seconds)} s"


def length_s(session: Session) -> float:
    """How long the session lasted in seconds: of the room, or of the chat; 0 if it never was."""
    begun = session.created_at if session.mode is Mode.TEXT else session.waiting_at
    if begun is None or session.ended_at is None:
        return 0.0
    return max(0.0, (session.ended_at - begun).total_seconds())


def cost(session: Session, price_per_minute: float) -> float | None:
    """What its minutes cost at this price, from the making of its room on; None without a room or a price."""
    if session.mode is Mode.TEXT or not price_per_minute:
        return None
    return length_s(session) / 60 * price_per_minute or None
