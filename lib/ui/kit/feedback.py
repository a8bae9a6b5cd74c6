"""How a failure reaches the person: its cause, what still works, what to do.

`required` shows it and stops the page, `section` shows it and goes on. Only a GreenroomError is explained; anything
else is a bug, which keeps its traceback in the server's log and shows a calm line without details.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import streamlit as st

from lib.errors import (
    Ambiguous,
    BadInput,
    GreenroomError,
    LimitReached,
    RateLimited,
    SettingsWrong,
    SlotsFull,
    StoreRefused,
    UpstreamError,
)
from lib.ui.kit import context, parts, places

log = logging.getLogger("greenroom.ui")

_GENTLE = (BadInput, LimitReached, RateLimited, SlotsFull, Ambiguous)


@contextmanager
def required(doing: str, *, retry: bool = True) -> Iterator[None]:
    """Without this the page makes no sense: a failure is shown and the page ends here. `doing`: "read the agents"."""
    failed = False
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a known error is explained, a bug is logged and kept from the page
        show(error, doing, retry=retry)
        failed = True
    if failed:
        _stop()


@contextmanager
def section(doing: str, *, retry: bool = True) -> Iterator[None]:
    """One part of a page: a failure is shown in its place and the rest of the page goes on."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - see required
        show(error, doing, retry=retry)


def show(error: Exception, doing: str, *, retry: bool = True) -> None:
    """Draw the banner of a failure where the caller stands. A bug is logged with its traceback."""
    key = re.sub(r"\W+", "-", doing.lower()).strip("-")
    if isinstance(error, GreenroomError):
        kind: parts.Kind = "warn" if isinstance(error, _GENTLE) else "bad"
        rest = " ".join(filter(None, (still_works(error), error.hint)))
        place = parts.banner(kind, sentence(error.message), rest, key=key, stacked=True)
    else:
        log.error("bug while trying to %s", doing, exc_info=error)
        cause = f"Greenroom could not {doing}: something is wrong in Greenroom itself."
        rest = "The server's log has the details. The other pages work."
        place = parts.banner("bad", cause, rest, key=key, stacked=True)
    with place:
        if retry:
            st.button("Retry", key=f"feedback_retry_{key}", icon=":material/refresh:", on_click=context.reopen)
        if st.button("Open Diagnostics", key=f"feedback_diagnostics_{key}", type="tertiary"):
            st.switch_page(places.DIAGNOSTICS)


def still_works(error: GreenroomError) -> str:
    """What a person can go on doing, by the kind of failure; "" where the failure is about their own input."""
    if isinstance(error, StoreRefused):
        return "Nothing was written."
    if isinstance(error, (UpstreamError, SettingsWrong)):
        return "Text chat, History and everything that is kept here still work."
    return ""


def sentence(message: str) -> str:
    """`message` with a capital and a full stop, so that what follows it reads on."""
    text = message.strip()
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?:" else text + "."


def _stop() -> NoReturn:
    st.stop()
    raise AssertionError("st.stop returned")
