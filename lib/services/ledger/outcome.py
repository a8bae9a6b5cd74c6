"""The one table of outcomes: each way in which a session ends, fails, or is refused its avatar.

Pages, exports, the HTTP API and the charts read it. To add an outcome is to add a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from lib.errors import BadInput, LimitReached
from lib.models import Session
from lib.services.wording import words
from lib.services.wording.plain import minutes
from lib.services.wording.words import Tone

Figure = Literal["", "limit", "absent"]
"""Which of the call's limits belongs behind the words."""


class By(StrEnum):
    """Who brought it about, as far as the code tells."""

    PERSON = "person"
    GREENROOM = "greenroom"
    TAVUS = "tavus"


@dataclass(frozen=True)
class SessionOutcome:
    """One way to end or to be refused.

    `told` is a short sentence without figures and full stop. `sentence` and `hint` say it in full, with `{fields}`;
    "" where an error brings its own. `noted` is what a timeline says where `code` stands in it. `prefix`: Tavus sends
    more text behind this code. `agents_fault`: the agent's persona, replica or call settings are the first place to
    look. `frees`: the end of another call may lift it. `asks`: it is why Greenroom asks Tavus to end the call.
    `unexplained`: no more is known than that the end was asked for, so a reason of our own says more.
    """

    code: str
    told: str
    by: By = By.GREENROOM
    sentence: str = ""
    hint: str = ""
    noted: str = ""
    tone: Tone = "neutral"
    figure: Figure = ""
    prefix: bool = False
    agents_fault: bool = False
    frees: bool = False
    asks: bool = False
    unexplained: bool = False


NO_REASON = "Ended, Tavus gave no reason"
Row = SessionOutcome

TOLD_BY_TAVUS = (
    # https://docs.tavus.io/sections/webhooks-and-callbacks. Several are also sent with a trailing " reached" or more
    # text, so they are matched by their beginning, with "_" for blanks.
    Row("end_conversation_endpoint_hit", "You ended it", By.PERSON, prefix=True, unexplained=True),
    Row("ended_at_tavus", "Ended at Tavus, which gave no reason", By.TAVUS, prefix=True, unexplained=True),
    Row("max_call_duration", "Time limit reached", By.TAVUS, prefix=True, figure="limit"),
    Row("participant_left_timeout", "Everyone left", By.TAVUS, prefix=True),
    Row("participant_absent_timeout", "Nobody joined", By.TAVUS, prefix=True, figure="absent"),
    Row("bot_could_not_join_meeting", "The avatar could not join, the room was probably closed", By.TAVUS, prefix=True),
    Row("daily_room_has_been_deleted", "The room was deleted", By.TAVUS, prefix=True),
    Row(
        "exception_encountered_during_conversation_startup",
        "Tavus failed while starting the call",
        By.TAVUS,
        prefix=True,
    ),
    Row("internal_error", "Tavus had an internal error", By.TAVUS, prefix=True),
    Row("gone", "Its conversation was deleted", By.TAVUS),
)

ENDED_HERE = (
    Row("ended_here", "You ended it", By.PERSON),
    Row("idle", "Nothing was written for 30 min"),
    Row("unwatched", "Nobody was watching", noted="Nobody was watching, so it is ended", asks=True),
    Row(
        "over_limit",
        "Time limit reached, Greenroom ended it",
        noted="Over its time limit, so it is ended",
        asks=True,
    ),
    Row(
        "over_budget",
        "Today’s minutes were used up",
        noted="Today’s minutes are used up, so it is ended",
        asks=True,
    ),
    Row(
        "unsafe_room",
        "Its room could not be shown",
        noted="The room’s address was not safe to open",
        tone="warning",
        asks=True,
    ),
    Row(
        "key_lost",
        "The key of its room was lost",
        sentence="The key of this private room was lost with Tavus's answer, so nobody could join it.",
        hint="Start again. The room is ended.",
        noted="The private room’s key was lost",
        asks=True,
    ),
    Row(
        "worker_lost",
        "Its worker was lost",
        sentence="The worker of this call was lost before it had said what came of the start.",
        hint="Start again. What it left at Tavus is ended.",
        noted="The worker was lost",
        asks=True,
    ),
    Row(
        "late",
        "It was made late, after it had been given up",
        noted="Found at Tavus after it had been given up",
        asks=True,
    ),
    Row(
        "lost",
        "Its record was lost, so it was ended",
        noted="Found at Tavus without a record here",
        asks=True,
    ),
    Row(
        "extra",
        "It was made a second time, so it was ended",
        noted="Found at Tavus besides the one that was asked for",
        asks=True,
    ),
)

NEVER_BEGUN = (
    Row(
        "not_created",
        "Tavus never created it",
        sentence="Tavus gave no clear answer to the start, and has no such conversation.",
        hint="Nothing was created and nothing is billed. Start again.",
        noted="No room was made",
    ),
    Row(
        "never_found",
        "Tavus never said whether it was made",
        sentence="Tavus gave no clear answer to the start, and its list of conversations never came whole.",
        hint="Nothing runs any more: a call that was made has ended by its own limit. Look at Tavus what it cost.",
        noted="No room was found",
    ),
)

REFUSED = (
    Row(
        "max_concurrent_calls",
        "Too many calls at once",
        sentence="{every} that this console may hold at once {are} open.",
        hint="End one of the open sessions, or wait until it ends. MAX_CONCURRENT_CALLS sets the limit.",
        frees=True,
    ),
    Row(
        "daily_minutes",
        "Too few minutes left today",
        sentence="{left:.0f} of today's {most} minutes are neither used nor reserved, and this call may take {length}.",
        hint="Minutes count anew at midnight UTC. DAILY_MINUTES sets the limit.",
        frees=True,
    ),
    Row(
        "max_starts_per_minute",
        "Too many starts in a minute",
        sentence="You started {starts} calls within the last minute, the most that one person may.",
        hint="Wait a minute and try again. MAX_STARTS_PER_MINUTE sets the limit.",
    ),
    # Refused by Tavus, in its own words.
    Row("slots_full", "Too many calls of the account at once", By.TAVUS, frees=True),
    Row("out_of_credit", "The account has no credit left", By.TAVUS, frees=True),
    Row("rejected", "Tavus refused the start", By.TAVUS, agents_fault=True),
    Row("not_found", "Tavus does not know the persona or replica", By.TAVUS, agents_fault=True),
    Row("persona_unknown", "Tavus does not know the persona", By.TAVUS, agents_fault=True),
    Row("replica_unknown", "Tavus does not know the replica", By.TAVUS, agents_fault=True),
    Row("no_replica", "It has no replica", By.TAVUS, agents_fault=True),
)

OUTCOMES: dict[str, SessionOutcome] = {}
"""Every outcome by its code."""


def register(rows: Iterable[SessionOutcome]) -> None:
    """Add rows. Raises ValueError for a code that is there."""
    for row in rows:
        if row.code in OUTCOMES:
            raise ValueError(f"the outcome {row.code} is there already")
        OUTCOMES[row.code] = row


register((*TOLD_BY_TAVUS, *ENDED_HERE, *NEVER_BEGUN, *REFUSED))


def find(code: str) -> SessionOutcome | None:
    """The row of a code, also of one with more text behind it; None for one that is not known."""
    row = OUTCOMES.get(code)
    if row is not None:
        return row
    plain = "_".join(code.lower().replace("_", " ").split())
    return next((one for one in OUTCOMES.values() if one.prefix and plain.startswith(one.code)), None)


def event(kind: str) -> str:
    """What happened, in a line of a timeline; a kind that is not known, with spaces for its underscores."""
    row = OUTCOMES.get(kind)
    return (row.noted if row else "") or words.EVENTS.get(kind) or kind.replace("_", " ").capitalize()


def tone(kind: str) -> Tone:
    """The colour of such a line."""
    row = OUTCOMES.get(kind)
    return row.tone if row else words.TONES.get(kind, "neutral")


def asks_for_the_end(kind: str) -> bool:
    """True for an event with which the end of a call was asked for, by a person or by Greenroom."""
    row = OUTCOMES.get(kind)
    return kind == "ending" or (row is not None and row.asks)


def told(code: str) -> str:
    """How it ended without figures, so that equal ends are called alike; "" for a code that is not known."""
    if not code:
        return NO_REASON
    row = find(code)
    return row.told if row else ""


def told_with(code: str, *, limit_s: float, absent_s: float) -> str:
    """How it ended, with the limit that ended it; the code itself where it is not known."""
    row = find(code) if code else None
    if row is None:
        return told(code) or f"Ended: {code[:120]}"
    behind = {"limit": f", {minutes(limit_s)}", "absent": f" within {minutes(absent_s)}", "": ""}
    return row.told + behind[row.figure]


def agents_fault(session: Session) -> bool:
    """True where the agent's own persona, replica or call settings are the first place to look."""
    row = find(session.reason_code) if session.reason_code else None
    return row is not None and row.agents_fault


def frees(session: Session) -> bool:
    """True for a refusal that the end of another call may lift."""
    row = find(session.reason_code) if session.reason_code else None
    return row is not None and row.frees


def unexplained(code: str) -> bool:
    """True where no more is known than that the end was asked for."""
    row = find(code) if code else None
    return row is not None and row.unexplained


def limit_reached(code: str, *, retry_after_s: float | None = None, **figures: object) -> LimitReached:
    """The refusal by one of Greenroom's own limits, with its figures."""
    row = OUTCOMES[code]
    return LimitReached(row.sentence.format(**figures), code=code, hint=row.hint, retry_after_s=retry_after_s)


def unusable(code: str) -> BadInput:
    """Why nobody could use what a call costs."""
    row = OUTCOMES[code]
    return BadInput(row.sentence, code=code, hint=row.hint)
