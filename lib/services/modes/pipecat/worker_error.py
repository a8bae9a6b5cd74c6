"""What a worker's failure means: one of our errors, with the words and the hint that it has everywhere."""

from __future__ import annotations

from collections.abc import Callable

from lib.clients import faults, unreached
from lib.clients.vendor import TAVUS
from lib.clients.wire import WireAnswer
from lib.doctor.causes import Cause, of_import
from lib.doctor.machine import machine
from lib.errors import Ambiguous, GreenroomError, NotSent, SettingsWrong, UpstreamError
from lib.models import JsonObject

MESSAGE_LIMIT = 400


def error_of(event: JsonObject, hide: Callable[[str], str]) -> GreenroomError:
    """A worker's error as one of ours, so that it has the words and the hint that this failure has everywhere.

    `hide` takes the secrets out of what Tavus or a library says.
    """
    code = str(event.get("code", "worker"))
    message = hide(str(event.get("message", "The worker failed.")))[:MESSAGE_LIMIT]
    if code == "tavus_refused":
        headers = {"content-type": str(event.get("kind", ""))}
        answer = WireAnswer(int(str(event.get("status", 0))), headers, str(event.get("body", "")).encode())
        return faults.error_for(answer, vendor=TAVUS, reads=False, names_one=False, hide=hide)
    if code == "import":
        return refusal(of_import(str(event.get("told", "")), machine()))
    if code == "not_sent":
        reason = unreached.REASONS.get(str(event.get("why")), unreached.REFUSED)
        hint, told = reason.hint(TAVUS.address), f"Tavus can't be reached: {reason.told}."
        return NotSent(told, code=reason.code, hint=hint, besides=unreached.NOTHING_SENT)
    if code == "ambiguous":
        return Ambiguous(message, code="no_answer")
    if code == "not_placed":
        hint, besides = str(event.get("hint", "")), str(event.get("besides", ""))
        return SettingsWrong(message, code=str(event.get("cause", code)), hint=hint, besides=besides)
    hints = {
        "other_account": "No call was made. Put the TAVUS_API_KEY of .env into the Secret that WORKER_SECRET names.",
        "no_replica": "The call was ended. Look at the replica on the Replicas page, then start again.",
        "daily_join": "The call was ended. Check DAILY_SUBDOMAIN, and that this network lets UDP through.",
    }
    return UpstreamError(message, code=code, hint=hints.get(code, "The call was ended. Diagnostics says more."))


def refusal(cause: Cause) -> SettingsWrong:
    """A cause of this machine as the error that a start is refused with."""
    return SettingsWrong(cause.cause, code=cause.code, hint=f"{cause.fix} {cause.works}", besides="Text chat works.")
