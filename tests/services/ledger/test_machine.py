"""The ledger under random histories: 2,000 of them, or as many as LEDGER_HISTORIES says, 1,000 to a test."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from lib.clients import sweeping
from tests.services.ledger.machine import PAGE_ROWS, LedgerMachine, disk

HISTORIES = int(os.environ.get("LEDGER_HISTORIES", "2000"))
AT_ONCE, STEPS = 1000, 20
PHASES = (Phase.generate, Phase.shrink) if os.environ.get("LEDGER_SHRINK") != "0" else (Phase.generate,)


@pytest.mark.parametrize("begin", range(0, HISTORIES, AT_ONCE))
def test_no_history_breaks_an_invariant_of_the_ledger(
    begin: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "PAGE_ROWS", PAGE_ROWS)
    LedgerMachine.store = disk(tmp_path)
    # Thousands of lines about what goes wrong on purpose would hide the one failure that is shown.
    logging.disable(logging.CRITICAL)
    try:
        run_state_machine_as_test(
            LedgerMachine,
            settings=settings(
                max_examples=min(AT_ONCE, HISTORIES - begin),
                stateful_step_count=STEPS,
                phases=PHASES,
                deadline=None,
                database=None,
                print_blob=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        logging.disable(logging.NOTSET)
        LedgerMachine.store.close()
