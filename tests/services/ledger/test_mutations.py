"""The named mutations still fit the sources: one that fits no more would be killed by nothing and prove nothing."""

from __future__ import annotations

import pytest

from tests.mutants.named import EVERY, Mutant
from tests.running import ROOT


@pytest.mark.parametrize("mutant", EVERY, ids=[mutant.name for mutant in EVERY])
def test_a_mutation_finds_its_place(mutant: Mutant) -> None:
    for name, old, new in mutant.edits:
        assert (ROOT / name).read_text(encoding="utf-8").count(old) == 1 and old != new, name
