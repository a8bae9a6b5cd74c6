from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.server import inner_parts
from lib.server.inner_parts import InnerPart


@pytest.fixture(autouse=True)
def none_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner_parts, "_parts", [])


def test_what_is_there_is_given_and_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert InnerPart("Wheels", "It slides.").reach(lambda: 4) == 4
    assert inner_parts.moved() == [] and not caplog.records


@pytest.mark.parametrize("error", [ImportError("gone"), AttributeError("gone"), TypeError("gone"), OSError("gone")])
def test_what_is_not_there_is_told_once_whichever_way_it_fails(
    caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    part, other = InnerPart("Wheels", "It slides."), InnerPart("Doors", "It rains in.")

    def fail(_: int) -> None:
        def use() -> None:
            raise error

        assert part.reach(use) is None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fail, range(50)))
    assert inner_parts.moved() == [part] and other.lost == ""
    told = f"Wheels: not where Greenroom looks for it ({type(error).__name__}: gone). It slides."
    assert [record.getMessage() for record in caplog.records] == [told]


def test_what_ends_a_run_or_the_process_passes() -> None:
    def use() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        InnerPart("Wheels", "It slides.").reach(use)
    assert inner_parts.moved() == []
