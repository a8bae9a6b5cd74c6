"""What holds of a save whose answer was lost, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from lib.services.personas.saved import LostSave, PersonaSaved, SaveOutcome, dropped, held

BEFORE: dict[str, Any] = {"persona_name": "A", "layers": {"llm": {"model": "own"}}}


@pytest.mark.parametrize(
    ("read", "state"),
    [
        ({"model": "own", "api_key": "key-1234"}, LostSave.SAVED),
        ({"model": "own", "api_key": "****1234"}, LostSave.UNKNOWN),
        ({"model": "own", "api_key": "other-key"}, LostSave.OTHER),
        ({"model": "own"}, LostSave.NOT_SAVED),
    ],
)
def test_a_key_is_found_saved_only_where_it_can_be_read(read: dict[str, Any], state: LostSave) -> None:
    wanted = {**BEFORE, "layers": {"llm": {"model": "own", "api_key": "key-1234"}}}
    ((change, found),) = held(BEFORE, wanted, {**BEFORE, "layers": {"llm": read}})
    assert (change.secret, found) == (True, state)


def test_a_default_that_is_not_shown_counts_as_saved_and_is_not_dropped() -> None:
    wanted = {**BEFORE, "layers": {"llm": {"model": "own", "speculative_inference": True}}}
    ((_, state),) = held(BEFORE, wanted, BEFORE)
    assert state is LostSave.SAVED
    assert dropped(wanted, BEFORE) == ()
    other = {**BEFORE, "layers": {"llm": {"model": "own", "speculative_inference": False}}}
    assert [change.label for change in dropped(other, BEFORE)] == ["Language model, think ahead"]


@pytest.mark.parametrize(
    ("states", "holds"),
    [
        ([LostSave.SAVED, LostSave.UNKNOWN], LostSave.SAVED),
        ([LostSave.NOT_SAVED, LostSave.NOT_SAVED], LostSave.NOT_SAVED),
        ([LostSave.SAVED, LostSave.NOT_SAVED], LostSave.OTHER),
        ([LostSave.UNKNOWN], LostSave.UNKNOWN),
        ([], LostSave.UNKNOWN),
    ],
)
def test_all_none_a_part_or_not_known(states: list[LostSave], holds: LostSave) -> None:
    changes = held(BEFORE, {**BEFORE, "greeting": "Hi"}, BEFORE)
    assert PersonaSaved(SaveOutcome.UNCLEAR, held=tuple((changes[0][0], state) for state in states)).holds is holds
