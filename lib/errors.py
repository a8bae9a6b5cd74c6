"""Everything that can go wrong and that a person can do something about, told apart by what they can do.

GreenroomError
├── BadInput            what was typed or sent is wrong; correct it and send again
│   ├── NotFound        the thing named does not exist (any more)
│   └── Conflict        it exists in another state than you thought; look, then decide
├── SettingsWrong       a setting must be mended before this can work
├── StoreRefused        the database is not ours, newer than this program, or can't be used now
│   ├── StoreSlow       a list took longer than it may; narrow it
│   └── StoreUnfit      it works, but does not take this one thing
├── LimitReached        one of Greenroom's own limits holds this back; wait, or end something
└── UpstreamError       the other side (Tavus, Daily, a chat endpoint) did not do it
    ├── KeyRefused      401/403: mend the key
    ├── OutOfCredit     402: top up the account
    ├── SlotsFull       400 "maximum concurrent conversations": end one, or wait
    ├── UpstreamRejected  other 4xx: the request itself was refused and nothing was done
    ├── RateLimited     429: wait `retry_after_s`
    ├── NotSent         no byte of the request reached the other side (refused, DNS, TLS): nothing was done
    └── Ambiguous       it may or may not have been done (timeout, reset, 5xx, unreadable answer): check first

A bug is none of these: it keeps its traceback in the server's log.
"""

from __future__ import annotations


class GreenroomError(Exception):
    """What happened, in one sentence that a person can read.

    `status` is the HTTP status that the other side answered, or None where there was no answer. `code` is a stable
    string to match on (the vendor's where it has one). `retry_after_s` says in how many seconds a new try makes
    sense. `advice` is one sentence: what to do. `besides` is what a page may say in words of its own: what was not
    done, what still works, that a new try may do. `said` is what the other side said, as it said it.

    A given `hint` is advice in place of the class's own, and `besides` goes with it.
    """

    code = "error"
    advice = ""
    besides = ""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
        hint: str | None = None,
        besides: str | None = None,
        said: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code or type(self).code
        self.retry_after_s = retry_after_s
        self.advice = type(self).advice if hint is None else hint
        # The class's words go with its own advice only.
        self.besides = (type(self).besides if hint is None else "") if besides is None else besides
        self.said = said

    @property
    def hint(self) -> str:
        """All that there is to say after the message."""
        return " ".join(filter(None, (self.advice, self.besides)))


class BadInput(GreenroomError):
    code = "bad_input"
    advice = "Correct it and send it again."
    besides = "Nothing was changed."


class NotFound(BadInput):
    code = "not_found"
    advice = "It may have been deleted. Go back to the list and look."
    besides = ""


class Conflict(BadInput):
    code = "conflict"
    advice = "Reload the page, compare, then decide."
    besides = ""


class SettingsWrong(GreenroomError):
    code = "settings_wrong"
    advice = "Open Diagnostics: it names the setting and how to mend it."


class StoreRefused(GreenroomError):
    code = "store_refused"
    advice = "Point DATABASE_URL at an empty database, or at one that Greenroom made."


class StoreSlow(StoreRefused):
    code = "store_slow"
    advice = "Choose a shorter time, one agent or fewer filters."


class StoreUnfit(StoreRefused):
    code = "store_unfit"
    advice = "The server's log shows where this happened."
    besides = "Nothing was changed."


class LimitReached(GreenroomError):
    code = "limit_reached"
    advice = "End an open session, or wait until one ends by itself."


class UpstreamError(GreenroomError):
    code = "upstream_error"
    advice = "Diagnostics shows whether the other side answers."
    besides = "Try again in a moment."


class KeyRefused(UpstreamError):
    code = "key_refused"
    advice = "Put a valid TAVUS_API_KEY in .env and restart."
    besides = "Text chat works without it."


class OutOfCredit(UpstreamError):
    code = "out_of_credit"
    advice = "Top up the Tavus account or wait for the next period."
    besides = "Text chat works meanwhile."


class SlotsFull(UpstreamError):
    code = "slots_full"
    advice = "End an open conversation of this account, or wait until one ends."
    besides = "Text chat works meanwhile."


class UpstreamRejected(UpstreamError):
    code = "rejected"
    advice = "Correct what the message names and try again."
    besides = "Nothing was done."


class RateLimited(UpstreamError):
    code = "rate_limited"
    advice = "Wait a moment and try again."
    besides = ""


class NotSent(UpstreamError):
    code = "not_sent"
    advice = "Check the network, a proxy and TAVUS_BASE_URL."
    besides = "Nothing was sent, so nothing is billed."


class Ambiguous(UpstreamError):
    code = "ambiguous"
    advice = ""
    besides = "Greenroom checks with Tavus whether it was done before anything is tried again."
