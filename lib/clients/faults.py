"""From an answer that is no success to the one error that says what a person can do about it.

The statuses are those of https://docs.tavus.io/openapi.yaml, with what the live service is known to add: 402, the
concurrency limit as a 400, and `message` in place of `error`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from lib.clients.vendor import Vendor
from lib.clients.wire import WireAnswer
from lib.errors import (
    Ambiguous,
    GreenroomError,
    KeyRefused,
    NotFound,
    OutOfCredit,
    RateLimited,
    SlotsFull,
    UpstreamRejected,
)

TEXT_LIMIT = 300
NOTHING_DONE = "Nothing was done."
AGAIN: Mapping[str, str] = {"hint": "", "besides": "Try again in a moment."}
"""What to do where no answer came to a question: ask again."""
_UNKNOWN_ID = re.compile(
    r"\binvalid (persona|pal|replica|face|conversation|objectives?|guardrails?|document)_?(id|uuid)\b"
    r"|\bnot found\b|\bdoes not exist\b",
    re.IGNORECASE,
)
_UNKNOWN_THING = re.compile(r"\binvalid (persona|pal|replica|face)_?(?:id|uuid)\b", re.IGNORECASE)
_NO_CREDIT = re.compile(r"\bout of (conversational )?(credits?|minutes)\b", re.IGNORECASE)
_NO_SLOT = re.compile(r"\bmaximum (number of )?concurrent (conversations?|sessions?)\b", re.IGNORECASE)


def parsed(answer: WireAnswer) -> Any:
    """The answer's JSON. Raises ValueError for anything else."""
    try:
        return json.loads(answer.body)
    except RecursionError:
        raise ValueError("nested too deep") from None


def web_page(answer: WireAnswer) -> bool:
    return "html" in answer.headers.get("content-type", "") or answer.body.lstrip()[:1] == b"<"


def vendor_text(answer: WireAnswer, hide: Callable[[str], str]) -> str:
    """What the other side says about its error, in one line of at most 300 characters; "" for HTML and the like.

    `hide` takes out the secrets that it repeats, before a cut could leave half of one.
    """
    try:
        said = parsed(answer)
    except ValueError:
        return ""
    for key in ("info", "error", "message", "detail"):
        value = said.get(key) if isinstance(said, dict) else None
        if isinstance(value, dict):
            value = value.get("message")
        if isinstance(value, str) and value.strip():
            text = hide(" ".join("".join(c if c.isprintable() else " " for c in value).split()))
            return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
    return ""


def retry_after_s(answer: WireAnswer, now: datetime | None = None) -> float | None:
    """`Retry-After` in seconds from now, whether it was given as seconds or as a date; None if absent or nonsense."""
    given = answer.headers.get("retry-after", "").strip()
    if not given:
        return None
    try:
        seconds = float(given)
    except ValueError:
        try:
            at = parsedate_to_datetime(given)
        except ValueError:
            return None
        seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - (now or datetime.now(UTC))).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def error_for(
    answer: WireAnswer, *, vendor: Vendor, reads: bool, names_one: bool, hide: Callable[[str], str]
) -> GreenroomError:
    """The error behind an answer that is no success.

    `reads` is true for a GET (nothing can have been done), `names_one` where the address holds an id, so that "unknown
    id" speaks of that one thing and not of something in the body. `hide` takes the secrets out of what the other side
    says.
    """
    text = vendor_text(answer, hide)
    error = _error_for(answer, vendor=vendor, reads=reads, names_one=names_one, text=text)
    error.said = text
    if error.message[-1] not in ".!?…":
        error.message += "."
        error.args = (error.message,)
    return error


def _error_for(answer: WireAnswer, *, vendor: Vendor, reads: bool, names_one: bool, text: str) -> GreenroomError:
    status, who = answer.status, vendor.name
    said = f": {text}" if text else " with a web page instead of data" if web_page(answer) else ""
    after = retry_after_s(answer)
    if 300 <= status < 400:
        return _redirect(status, vendor)
    if status in (401, 403):
        return vendor.error(KeyRefused, f"{who} refused the key ({status}){said}", status=status)
    if status == 402 or (400 <= status < 500 and _NO_CREDIT.search(text)):
        return vendor.error(OutOfCredit, f"The {who} account has no minutes left ({status}){said}", status=status)
    if 400 <= status < 500 and _NO_SLOT.search(text):
        told = f"All conversation slots of the {who} account are in use ({status}){said}"
        return vendor.error(SlotsFull, told, status=status)
    if status == 429:
        return vendor.error(RateLimited, f"{who} asks to slow down (429){said}", status=status, retry_after_s=after)
    if status == 408 or not 400 <= status < 500:
        told = f"{who} failed ({status}){said}" if status >= 400 else f"{who} answered {status}{said}"
        then = AGAIN if reads else {}
        return vendor.error(Ambiguous, told, status=status, code="server_error", retry_after_s=after, **then)
    if status == 409 and b"maker_changes" in answer.body:
        told = f"Somebody has unpublished changes in PAL Maker (409){said}"
        hint = "Keep the draft and publish or discard it in PAL Maker, or overwrite it."
        return UpstreamRejected(told, status=409, code="maker_changes", hint=hint, besides=NOTHING_DONE)
    if text and names_one and (status == 404 or _UNKNOWN_ID.search(text)):
        return NotFound(f"{who} does not know it ({status}): {text}", status=status)
    if web_page(answer):
        wrong = f"Check {vendor.address}: the address may be wrong, or no longer in use."
        hint = wrong if vendor.address else vendor.in_its_place
        told = f"{who} answered {status}{said}"
        return UpstreamRejected(told, status=status, code="web_page", hint=hint, besides=NOTHING_DONE)
    if unknown := _UNKNOWN_THING.search(text):
        thing = "persona" if unknown[1].lower() in ("persona", "pal") else "replica"
        told = f"{who} does not know the {thing} that was named ({status}): {text}"
        hint = f"Choose a {thing} that this account has."
        return UpstreamRejected(told, status=status, code=f"{thing}_unknown", hint=hint, besides=NOTHING_DONE)
    return vendor.error(UpstreamRejected, f"{who} refused the request ({status}){said}", status=status)


def unusable(answer: WireAnswer, *, vendor: Vendor, reads: bool) -> Ambiguous:
    """A success in a form that says nothing: HTML of a login page, half an answer, an id that is missing."""
    page = ", but with a web page instead of data" if web_page(answer) else ", but not in a form that can be used"
    told = f"{vendor.name} answered {answer.status}{page}."
    hint = vendor.in_its_place if reads else None
    return vendor.error(Ambiguous, told, status=answer.status, code="unusable_answer", hint=hint)


def _redirect(status: int, vendor: Vendor) -> GreenroomError:
    told = f"{vendor.name} answered with a redirect ({status}), which is not followed: the key goes to no other address"
    if status in (301, 302, 307, 308):
        return UpstreamRejected(told, status=status, code="redirect", hint=vendor.in_its_place)
    return vendor.error(Ambiguous, told, status=status, code="redirect")
