"""Inner parts of Streamlit and uvicorn, for which no public name exists: each is reached for under guard.

A part brings a gain and nothing depends on it. Where it has moved or changed in another version, Greenroom goes on
without that gain, and says so once in the log and, through `moved`, in Diagnostics.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)

# Reentrant, as a signal's handler may come in between.
_telling = threading.RLock()


class InnerPart:
    """`name` is what it is to a reader of Diagnostics, `without` one sentence on what is lost without it.

    `lost` is the reason why it was not found, "" as long as it was.
    """

    def __init__(self, name: str, without: str) -> None:
        self.name, self.without, self.lost = name, without, ""
        _parts.append(self)

    def reach(self, use: Callable[[], T]) -> T | None:
        """What `use` gives; None where it fails, whatever the reason: another version may fail in any way."""
        try:
            return use()
        except Exception as error:  # noqa: BLE001
            self.lose(error)
            return None

    def lose(self, error: Exception) -> None:
        """Go on without it, and tell the log the first time."""
        with _telling:
            if self.lost:
                return
            self.lost = f"{type(error).__name__}: {error}"
            logger.warning("%s: not where Greenroom looks for it (%s). %s", self.name, self.lost, self.without)


_parts: list[InnerPart] = []


def moved() -> list[InnerPart]:
    """The parts that were not found since this process began."""
    return [part for part in _parts if part.lost]
