"""What happened and where, in the words of a person: shared by pages and exports."""

from __future__ import annotations

from lib.models import Mode, Session, Status

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
    "first_words": "First words",
    "last_words": "Last words",
    "callback": "Callback from Tavus",
    "chat": "Text chat began",
    "not_created": "No room was made",
    "never_found": "No room was found",
    "broken": "The call broke off",
    "unsafe_room": "The room’s address was not safe to open",
    "key_lost": "The private room’s key was lost",
    "worker_lost": "The worker was lost",
    "unwatched": "Nobody was watching, so it is ended",
    "detached": "Room opened in a tab of its own",
    "over_limit": "Over its time limit, so it is ended",
    "over_budget": "Today’s minutes are used up, so it is ended",
    "late": "Found at Tavus after it had been given up",
    "lost": "Found at Tavus without a record here",
    "extra": "Found at Tavus besides the one that was asked for",
}
"""Kind of an event in a session's timeline -> what happened."""

MODES: dict[Mode, str] = {
    Mode.PHOENIX_REST: "Video call",
    Mode.PIPECAT_DAILY: "Video call",
    Mode.TEXT: "Text chat",
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


def event(kind: str) -> str:
    """What happened; a kind that is not known, with spaces for its underscores."""
    return EVENTS.get(kind) or kind.replace("_", " ").capitalize()


def status(session: Session) -> str:
    """Where the session stands. A chat is open or ended: nobody waits in it and nothing is live."""
    if session.mode is Mode.TEXT and session.status in (Status.LIVE, Status.WAITING):
        return "open"
    return STATUSES[session.status]


def place(sandbox: bool) -> str:
    """Who keeps the personas: Tavus, or the sandbox in its stead."""
    return "the sandbox" if sandbox else "Tavus"


def at(sandbox: bool) -> str:
    """Where something is created, saved or deleted."""
    return "in the sandbox" if sandbox else "at Tavus"
