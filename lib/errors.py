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
    sense. `hint` is one sentence: what to do.
    """

    code = "error"
    hint = ""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code or type(self).code
        self.retry_after_s = retry_after_s
        self.hint = type(self).hint if hint is None else hint


class BadInput(GreenroomError):
    code = "bad_input"
    hint = "Correct it and send it again. Nothing was changed."


class NotFound(BadInput):
    code = "not_found"
    hint = "It may have been deleted. Go back to the list and look."


class Conflict(BadInput):
    code = "conflict"
    hint = "Reload the page, compare, then decide."


class SettingsWrong(GreenroomError):
    code = "settings_wrong"
    hint = "Open Diagnostics: it names the setting and how to mend it."


class StoreRefused(GreenroomError):
    code = "store_refused"
    hint = "Point DATABASE_URL at an empty database, or at one that Greenroom made."


class StoreSlow(StoreRefused):
    code = "store_slow"
    hint = "Choose a shorter time, one agent or fewer filters."


class StoreUnfit(StoreRefused):
    code = "store_unfit"
    hint = "Nothing was changed. The server's log shows where this happened."


class LimitReached(GreenroomError):
    code = "limit_reached"
    hint = "End an open session, or wait until one ends by itself."


class UpstreamError(GreenroomError):
    code = "upstream_error"
    hint = "Try again in a moment. Diagnostics shows whether the other side answers."


class KeyRefused(UpstreamError):
    code = "key_refused"
    hint = "Put a valid TAVUS_API_KEY in .env and restart. Text chat works without it."


class OutOfCredit(UpstreamError):
    code = "out_of_credit"
    hint = "Top up the Tavus account or wait for the next period. Text chat works meanwhile."


class SlotsFull(UpstreamError):
    code = "slots_full"
    hint = "End an open conversation of this account, or wait until one ends. Text chat works meanwhile."


class UpstreamRejected(UpstreamError):
    code = "rejected"
    hint = "Nothing was done. Correct what the message names and try again."


class RateLimited(UpstreamError):
    code = "rate_limited"
    hint = "Wait a moment and try again."


class NotSent(UpstreamError):
    code = "not_sent"
    hint = "Check the network, a proxy and TAVUS_BASE_URL. Nothing was sent, so nothing is billed."


class Ambiguous(UpstreamError):
    code = "ambiguous"
    hint = "Greenroom checks with Tavus whether it was done before anything is tried again."
