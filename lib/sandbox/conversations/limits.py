"""What the pretended account may do: calls at once, and minutes left.

Both refusals were seen on the real API and are not in its spec: 400 `{"message": "User has reached maximum concurrent
conversations"}` and 402 "The user is out of conversational credits".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lib.sandbox.wire.responses import Refusal

LONGEST_CALL_S = 3600


@dataclass
class AccountLimits:
    """`concurrency`: active calls at once, None for any number. Minutes are counted from when they were last set."""

    concurrency: int | None = None
    _ceiling_min: float | None = None

    def reset(self) -> None:
        self.concurrency, self._ceiling_min = AccountLimits.concurrency, None

    def change(self, given: Any, *, used_min: float) -> None:
        """Take `{"concurrency": n | null, "credits": minutes | null}`, each optional. Raises `Refusal`."""
        if not isinstance(given, dict) or set(given) - {"concurrency", "credits"}:
            raise Refusal("Give an object with concurrency and credits.")
        concurrency = given.get("concurrency", self.concurrency)
        if concurrency is not None and (type(concurrency) is not int or concurrency < 0):
            raise Refusal("concurrency must be a whole number from 0, or null for no limit.")
        left_min = given.get("credits")
        if left_min is not None and (type(left_min) not in (int, float) or left_min < 0):
            raise Refusal("credits must be minutes from 0, or null for no limit.")
        self.concurrency = concurrency
        if "credits" in given:
            self._ceiling_min = None if left_min is None else used_min + left_min

    def check(self, *, active: int, used_min: float) -> None:
        """Raises `Refusal` if one more call can't be had."""
        if self._ceiling_min is not None and used_min >= self._ceiling_min:
            raise Refusal("The user is out of conversational credits", status=402, key="message")
        if self.concurrency is not None and active >= self.concurrency:
            raise Refusal("User has reached maximum concurrent conversations", key="message")

    def dump(self, *, active: int, used_min: float) -> dict[str, Any]:
        """`credits` are the minutes left; `active` the slots taken; `used` the minutes so far."""
        left = None if self._ceiling_min is None else round(max(self._ceiling_min - used_min, 0.0), 3)
        return {"concurrency": self.concurrency, "credits": left, "active": active, "used": round(used_min, 3)}
