"""The matrix: each mode works, works after a command, or can't, with its reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lib.doctor.causes import Cause, of_import
from lib.doctor.machine import Machine
from lib.doctor.modes import ModeFacts, ModeStanding, ModeState, matrix
from lib.doctor.probe import Probe

LINUX = Machine("Linux", "6.1", "x86_64", "3.12.4", 64, wsl=False, libc="glibc 2.36")
LOADED = Probe("3.12.4", "1.14.0", "0.36.0", None)
MISSING = Probe("3.12.4", "", "", of_import("No module named 'pipecat'", LINUX))
BROKEN = Probe("3.12.4", "1.14.0", "0.36.0", of_import("ImportError: something else", LINUX))
REFUSED = Cause("refused", "Tavus refused the key.", "Put a valid TAVUS_API_KEY in .env.")


def of(mode: str, states: tuple[ModeState, ...]) -> ModeState:
    return next(state for state in states if state.mode == mode)


def made(worker: Probe | None = LOADED, here: Machine = LINUX, **changes: object) -> tuple[ModeState, ...]:
    given: dict[str, object] = {"refused": None, "missing_keys": (), "sandbox": False, **changes}
    return matrix(ModeFacts(here, worker, **given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("states", "state", "told"),
    [
        (made(), ModeStanding.WORKS, "1.14.0"),
        (made(None), ModeStanding.CANT, "not tried"),
        (made(MISSING), ModeStanding.COMMAND, "python dev.py worker"),
        # The command alone does nothing where its environment is there already.
        (made(BROKEN), ModeStanding.CANT, "Remove .venv-pipecat"),
        (made(missing_keys=("DAILY_API_KEY",)), ModeStanding.COMMAND, "DAILY_API_KEY"),
        (made(refused=REFUSED), ModeStanding.CANT, "refused the key"),
        (made(here=replace(LINUX, libc="musl")), ModeStanding.CANT, "python:3.12-slim"),
    ],
)
def test_pipecat_daily_works_or_says_what_it_lacks(
    states: tuple[ModeState, ...], state: ModeStanding, told: str
) -> None:
    found = of("pipecat_daily", states)
    assert found.state is state and told in f"{found.because} {found.command}"


def test_the_other_modes_need_no_package_and_text_needs_nothing() -> None:
    assert of("phoenix_rest", made(MISSING)).state is ModeStanding.WORKS
    assert of("phoenix_rest", made(refused=REFUSED)).state is ModeStanding.CANT
    assert of("text", made(None, refused=REFUSED)).state is ModeStanding.WORKS
