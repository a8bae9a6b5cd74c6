"""Words for what happens: every kind of event that is written has some."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lib.models import Status
from lib.services.ledger import outcome
from lib.services.wording import words

SERVICES = Path(words.__file__).parents[1]


def test_every_event_that_a_service_writes_has_words() -> None:
    source = "\n".join(path.read_text("utf-8") for path in SERVICES.rglob("*.py"))
    written = set(re.findall(r"(?:note|advance)\((?:(?!\n    def )[^\"])*?\"(\w+)\"", source))
    assert {"created", "checking", "perception"} <= written <= words.EVENTS.keys() | outcome.OUTCOMES.keys()


def test_an_unknown_kind_is_told_in_its_own_words() -> None:
    assert outcome.event("replica_joined") == "Avatar joined"
    assert outcome.event("system_did_it") == "System did it"


@pytest.mark.parametrize(
    ("sandbox", "place", "at"), [(True, "the sandbox", "in the sandbox"), (False, "Tavus", "at Tavus")]
)
def test_the_place_is_named_as_it_is(sandbox: bool, place: str, at: str) -> None:
    assert (words.place(sandbox), words.at(sandbox)) == (place, at)


def test_every_status_has_words() -> None:
    assert set(words.STATUSES) == set(Status)
