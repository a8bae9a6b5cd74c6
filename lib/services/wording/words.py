"""What happened and where, in the words of a person: shared by pages and exports."""

from __future__ import annotations

from typing import Literal

from lib.models import Session, Status

EVENTS: dict[str, str] = {
    "start": "Start pressed",
    "created": "Room made",
    "checking": "No clear answer, checking whether it was made",
    "replica_joined": "Avatar joined",
    "ending": "End pressed",
    "ended": "Ended",
    "refused": "Avatar refused, text chat instead",
    "transcript": "Transcript read",
    "perception": "A model’s impression read",
    "recording": "Recording stored",
    "recording_failed": "The recording could not be stored",
    "turns_lost": "Some of what was said could not be written down",
    "first_words": "First words",
    "last_words": "Last words",
    "callback": "Callback from Tavus",
    "chat": "Text chat began",
    "broken": "The call broke off",
    "detached": "Room opened in a tab of its own",
}
"""Kind of an event in a session's timeline -> what happened, outcomes apart: those are in `ledger.outcome`."""

Tone = Literal["neutral", "good", "warning"]
"""The colour of a line in a timeline."""

TONES: dict[str, Tone] = {
    "start": "good",
    "replica_joined": "good",
    "transcript": "good",
    "checking": "warning",
    "refused": "warning",
}

STATUSES: dict[Status, str] = {
    Status.STARTING: "starting",
    Status.UNKNOWN: "being checked",
    Status.WAITING: "waiting for you",
    Status.LIVE: "live",
    Status.ENDING: "ending",
    Status.ENDED: "ended",
    Status.FAILED: "failed",
}


def held_as(session: Session) -> str:
    """How the session is held: a call or a chat."""
    return "Video call" if session.in_room else "Text chat"


def status(session: Session) -> str:
    """Where the session stands. A chat is open or ended: nobody waits in it and nothing is live."""
    if not session.in_room and session.status in (Status.LIVE, Status.WAITING):
        return "open"
    return STATUSES[session.status]


def place(sandbox: bool) -> str:
    """Who keeps the personas: Tavus, or the sandbox in its stead."""
    return "the sandbox" if sandbox else "Tavus"


def at(sandbox: bool) -> str:
    """Where something is created, saved or deleted."""
    return "in the sandbox" if sandbox else "at Tavus"
