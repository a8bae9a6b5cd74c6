"""The kept lists: two that are due are read side by side, and a failure of one is no failure of the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from lib.clients.tavus import Tavus
from lib.errors import Ambiguous, UpstreamError
from lib.services.catalogue import catalogue as catalogues
from lib.services.catalogue.catalogue import Catalogue
from tests.sandbox_server import running_sandbox
from tests.scripted_server import Scripted, answer, scripted


def test_both_lists_are_waited_for_together_and_a_rerun_asks_for_neither() -> None:
    with running_sandbox() as sandbox:
        tavus = Tavus(base_url=sandbox.v2, api_key=SecretStr("k"))
        catalogue = Catalogue(tavus)
        sandbox.faults(*({"route": f"GET /v2/{name}", "delay_s": 0.8} for name in ("personas", "replicas")))
        begun = time.monotonic()
        catalogue.read_both(max_age_s=60)
        assert time.monotonic() - begun < 1.5
        assert catalogue.personas().items and catalogue.replicas().items
        asked = len(sandbox.log())
        catalogue.read_both(max_age_s=60)
        catalogue.read_both(max_age_s=None)
        assert len(sandbox.log()) == asked == 2
        tavus.close()


def test_a_list_that_fails_is_raised_to_who_asks_for_it_only() -> None:
    with running_sandbox() as sandbox:
        tavus = Tavus(base_url=sandbox.v2, api_key=SecretStr("k"))
        catalogue = Catalogue(tavus)
        sandbox.faults({"route": "GET /v2/personas", "status": 500, "times": 9})
        catalogue.read_both(max_age_s=60)
        assert catalogue.replicas().items
        with pytest.raises(UpstreamError):
            catalogue.personas()
        tavus.close()


@contextmanager
def reading(*, known: bool, limit_s: float = 2.0) -> Iterator[tuple[Catalogue, Scripted]]:
    """A catalogue that somebody else reads right now, from a Tavus whose headers come byte by byte."""

    def slowly(peer: Any) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not server.stop.wait(0.02):
            peer.sendall(b"x")

    good = answer(200, {"data": [{"persona_id": "p1", "persona_name": "Guide"}], "total_count": 1})
    with scripted(*([good, slowly] if known else [slowly])) as server:
        tavus = Tavus(base_url=server.url, api_key=SecretStr("k"), timeouts=(1.0, limit_s))
        made = Catalogue(tavus)
        if known:
            made.personas()
        other = threading.Thread(target=lambda: catch(made))
        other.start()
        asked = 2 if known else 1
        while len(server.seen) < asked:
            time.sleep(0.01)
        yield made, server
        other.join(5)
        assert not other.is_alive()
        tavus.close()


def catch(made: Catalogue) -> None:
    with suppress(UpstreamError):
        made.personas(max_age_s=0)


def test_a_list_that_is_being_read_gives_what_it_has_at_once() -> None:
    with reading(known=True) as (made, server):
        begun = time.monotonic()
        for _ in range(3):
            assert [one.id for one in made.personas(max_age_s=0).items] == ["p1"]
        assert time.monotonic() - begun < 0.5
        assert len(server.seen) == 2
    kept = made.personas()
    assert kept.error is not None and kept.error.code == "no_answer" and [one.id for one in kept.items] == ["p1"]


def test_a_first_list_that_does_not_come_is_an_error_for_all_who_wait_for_it() -> None:
    with reading(known=False, limit_s=0.8) as (made, server):
        begun = time.monotonic()
        with pytest.raises(Ambiguous, match="did not answer within"):
            made.personas()
        assert time.monotonic() - begun < 1.5
        assert len(server.seen) == 1


def test_who_waits_for_a_first_list_waits_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "WAIT_S", 0.3)
    with reading(known=False) as (made, _):
        begun = time.monotonic()
        with pytest.raises(Ambiguous, match="still being read"):
            made.personas()
        assert time.monotonic() - begun < 1.0


def test_what_was_to_be_forgotten_while_it_was_read_is_asked_for_again() -> None:
    begun, go_on, sweeps = threading.Event(), threading.Event(), []

    def sweep() -> list[Any]:
        sweeps.append(1)
        begun.set()
        go_on.wait(5)
        return []

    shelf: catalogues.Shelf[Any] = catalogues.Shelf(sweep, lambda: datetime.now(UTC))
    other = threading.Thread(target=shelf.read, args=(None,))
    other.start()
    begun.wait(5)
    shelf.forget()
    go_on.set()
    other.join(5)
    shelf.read(None)
    shelf.read(None)
    assert len(sweeps) == 2
