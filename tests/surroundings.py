"""What of the caller's shell reaches a test and what a test starts: what is named here, and nothing else.

A list of what is unset would always lack one: a proxy, a kubeconfig, the key of another service.
"""

from __future__ import annotations

import os
import re

from lib.settings import NAMES

KEPT = (
    "PATH", "LANG", "TZ", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP",
    "NUMBER_OF_PROCESSORS",
)  # fmt: skip
"""What a process needs of the machine."""

_TESTS_OWN = re.compile(
    r"HOME|USERPROFILE|APPDATA|LOCALAPPDATA|PROGRAMFILES(\(X86\))?|USER|TMPDIR|CI|CHROMIUM|KILLS(_SEED)?|"
    r"LD_LIBRARY_PATH|(PYTEST|PYTHON|TEST|LEDGER|HYPOTHESIS|COVERAGE|PLAYWRIGHT|LC)_?.*"
)
"""What the tests' tools need besides, and what steers the tests. It goes no further."""


def for_a_process(**more: str) -> dict[str, str]:
    """The environment of what a test starts, with `more`. Every setting is empty there, which hides `.env` too."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, **dict.fromkeys(NAMES, ""), **more}


def clear() -> None:
    """Take all else out of this process, and so out of what inherits its environment."""
    for name in list(os.environ):
        if name.upper() not in KEPT and not _TESTS_OWN.fullmatch(name.upper()):
            del os.environ[name]
