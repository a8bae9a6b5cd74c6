"""What a browser says of itself, in words: a refused microphone, a page without https, no devices."""

from __future__ import annotations

from typing import Any

import pytest

from lib.services.diagnostics.service import CheckResult
from lib.ui.call.browser_check import checks

WELL: dict[str, Any] = {
    "secure": True, "webrtc": True, "microphone": "prompt", "camera": "granted", "microphones": 1, "cameras": 2,
}  # fmt: skip


def test_a_browser_that_can_do_it_passes() -> None:
    found = checks(WELL)
    assert [check.name for check in found] == ["This browser", "Microphone", "Camera"]
    assert all(check.result is CheckResult.PASS and not check.fix for check in found)


@pytest.mark.parametrize(
    ("told", "name", "result", "words"),
    [
        ({"secure": False}, "This browser", CheckResult.FAIL, "https"),
        ({"webrtc": False}, "This browser", CheckResult.FAIL, "WebRTC"),
        ({"microphone": "denied"}, "Microphone", CheckResult.LOOK, "refused"),
        ({"microphones": 0}, "Microphone", CheckResult.LOOK, "written to"),
        ({"cameras": 0}, "Camera", CheckResult.LOOK, "without one"),
        ({"camera": "unknown", "cameras": -1}, "Camera", CheckResult.PASS, "the room asks"),
    ],
)
def test_what_is_in_the_way_is_named_with_what_to_do(
    told: dict[str, Any], name: str, result: CheckResult, words: str
) -> None:
    check = next(check for check in checks({**WELL, **told}) if check.name == name)
    assert check.result is result and words in check.evidence
    assert bool(check.fix) == (result is not CheckResult.PASS)
