"""The history of personas: what is kept of what was read, what drifted, and what it costs with 500 of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from lib.errors import Conflict, KeyRefused, NotFound
from lib.models import Origin, Persona
from lib.services.catalogue.catalogue import Listing
from lib.services.personas import content
from lib.services.personas.content import content_of
from lib.services.personas.diff import compare
from lib.services.personas.history import Drift, PersonaHistory
from lib.services.personas.service import By
from lib.store.database import Store
from lib.wiring import Services
from tests.house import BUYER, GUIDE, house
from tests.sandbox_server import RunningSandbox

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
COACH = "p1af207b8189"


def sweep(services: Services) -> Listing[Persona]:
    return services.catalogue.personas(max_age_s=0)


def elsewhere(sandbox: RunningSandbox, path: str, value: Any, persona_id: str = GUIDE) -> None:
    step = {"op": "replace", "path": path, "value": value}
    assert sandbox.call("PATCH", f"/personas/{persona_id}", [step]).status_code == 200


def origins(services: Services, persona_id: str = GUIDE) -> list[Origin]:
    return [snapshot.origin for snapshot in services.persona_history.of(persona_id)]


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    told: list[str] = []

    def listen(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        told.append(statement)

    event.listen(store.engine, "before_cursor_execute", listen)
    try:
        yield told
    finally:
        event.remove(store.engine, "before_cursor_execute", listen)


def test_a_sweep_keeps_each_own_persona_once_and_a_change_as_a_change_at_tavus(
    services: Services, sandbox: RunningSandbox
) -> None:
    listing = sweep(services)
    assert origins(services) == origins(services, BUYER) == [Origin.FOUND]
    assert services.persona_history.of(COACH) == []
    sweep(services)
    assert origins(services) == [Origin.FOUND]
    elsewhere(sandbox, "/greeting", "Theirs.")
    sweep(services)
    assert origins(services) == [Origin.TAVUS, Origin.FOUND]
    newest, first = services.persona_history.of(GUIDE)
    (change,) = compare(services.persona_history.content(first.id), services.persona_history.content(newest.id))
    found = listing.find(GUIDE)
    assert found is not None
    assert (change.label, change.was, change.now) == ("Greeting", found.greeting, "Theirs.")
    assert (newest.name, newest.actor) == (found.name, "")


def test_a_single_reading_keeps_what_is_new(console: Services, sandbox: RunningSandbox) -> None:
    console.personas.get(GUIDE)
    console.personas.get(GUIDE)
    elsewhere(sandbox, "/greeting", "Theirs.")
    console.personas.get(GUIDE)
    assert origins(console) == [Origin.TAVUS, Origin.FOUND]


def test_a_row_that_does_not_say_whose_it_is_is_kept_once_a_list_named_it(console: Services) -> None:
    mute = Persona("p0123", "Perhaps stock", {"persona_id": "p0123", "persona_name": "Perhaps stock"})
    console.persona_history.saw(mute, datetime.now(UTC))
    assert console.persona_history.of("p0123") == []
    console.persona_history.swept(Listing((mute,), NOW), datetime.now(UTC))
    console.persona_history.saw(replace(mute, raw={**mute.raw, "greeting": "Hi"}), datetime.now(UTC))
    assert origins(console, "p0123") == [Origin.TAVUS, Origin.FOUND]


def test_drift_is_told_from_one_list_call_and_ends_where_it_is_accepted_saved_or_undone(
    services: Services, sandbox: RunningSandbox
) -> None:
    history = services.persona_history
    assert history.drift(sweep(services)) == {GUIDE: Drift.IN_SYNC, BUYER: Drift.IN_SYNC}
    before = services.personas.get(GUIDE)
    elsewhere(sandbox, "/greeting", "Theirs.")
    elsewhere(sandbox, "/greeting", "Theirs.", BUYER)
    seen = len(sandbox.log())
    listing = sweep(services)
    assert history.drift(listing) == {GUIDE: Drift.CHANGED, BUYER: Drift.CHANGED}
    assert [entry["method"] for entry in sandbox.log()[seen:]] == ["GET"]
    with pytest.raises(Conflict, match="changed again"):
        history.accept(BUYER, seen=history.of(BUYER)[1].id)
    history.accept(BUYER, seen=history.of(BUYER)[0].id, actor="console", reason="It is better.")
    assert history.drift(listing) == {GUIDE: Drift.CHANGED, BUYER: Drift.IN_SYNC}
    newest = history.of(BUYER)[0]
    assert (newest.origin, newest.actor, newest.reason) == (Origin.ACCEPTED, "console", "It is better.")
    history.accept(BUYER)
    assert origins(services, BUYER) == [Origin.ACCEPTED, Origin.TAVUS, Origin.FOUND]
    elsewhere(sandbox, "/greeting", before.greeting)
    assert history.drift(sweep(services))[GUIDE] is Drift.IN_SYNC
    elsewhere(sandbox, "/greeting", "Theirs again.", BUYER)
    assert history.drift(sweep(services))[BUYER] is Drift.CHANGED
    now = services.personas.get(BUYER)
    services.personas.save(now, {**now.raw, "greeting": "Ours."}, By())
    assert history.drift(sweep(services))[BUYER] is Drift.IN_SYNC
    with pytest.raises(NotFound):
        history.accept("p-unknown")


def test_deleted_at_tavus_is_told_from_a_good_complete_sweep_only(services: Services, sandbox: RunningSandbox) -> None:
    history = services.persona_history
    sweep(services)
    sandbox.call("DELETE", f"/personas/{GUIDE}")
    sandbox.faults({"route": "GET /v2/personas", "status": 401, "body": {"message": "Invalid access token"}})
    stale = sweep(services)
    assert isinstance(stale.error, KeyRefused)
    others = tuple(persona for persona in stale.items if persona.id != GUIDE)
    assert history.deleted(stale) == history.deleted(replace(stale, items=others)) == ()
    assert [gone.persona_id for gone in history.deleted(Listing(others, NOW))] == [GUIDE]
    assert history.drift(stale)[GUIDE] is Drift.IN_SYNC
    rows = [row for row in sandbox.call("GET", "/personas").json()["data"] if row["persona_id"] != BUYER]
    short = {"route": "GET /v2/personas", "status": 200, "body": {"data": rows, "total_count": 9}, "times": -1}
    sandbox.faults(short)
    partial = sweep(services)
    assert not partial.complete
    assert history.deleted(partial) == ()
    sandbox.faults()
    whole = sweep(services)
    assert [gone.persona_id for gone in history.deleted(whole)] == [GUIDE]
    assert history.drift(whole) == {GUIDE: Drift.DELETED, BUYER: Drift.IN_SYNC}
    assert history.removed() == ()
    anew = services.personas.recreate(history.deleted(whole)[0].id)
    assert history.deleted(sweep(services)) == ()
    assert origins(services, anew.persona.id) == [Origin.RESTORE, Origin.FOUND]


def test_a_list_that_was_read_during_a_save_or_before_it_is_no_change_at_tavus(console: Services) -> None:
    sweep(console)
    before = console.personas.get(GUIDE)
    begun = datetime.now(UTC)
    with console.persona_history.writing(GUIDE):
        changed = replace(before, raw={**before.raw, "greeting": "Being written."})
        console.persona_history.swept(Listing((changed,), NOW), datetime.now(UTC))
    assert origins(console) == [Origin.FOUND]
    console.personas.save(before, {**before.raw, "greeting": "Mine."}, By())
    console.persona_history.swept(Listing((before,), NOW), begun)
    assert origins(console) == [Origin.GREENROOM, Origin.FOUND]
    console.persona_history.swept(Listing((before,), NOW), datetime.now(UTC))
    assert origins(console) == [Origin.TAVUS, Origin.GREENROOM, Origin.FOUND]


def test_what_another_process_wrote_after_the_list_was_read_is_no_change_at_tavus(
    services: Services, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    if not services.store.sqlite:
        pytest.skip("the second console shares the first one's file")
    listing = sweep(services)
    with house(sandbox.url, tmp_path, database=f"sqlite:///{services.store.directory / 'greenroom.db'}") as other:
        before = other.personas.get(GUIDE)
        other.personas.save(before, {**before.raw, "system_prompt": "You are new."}, By("me", "", Origin.FILE))
    assert services.persona_history.drift(listing)[GUIDE] is Drift.IN_SYNC
    elsewhere(sandbox, "/system_prompt", "Not ours")
    assert services.persona_history.drift(sweep(services))[GUIDE] is Drift.CHANGED


def test_a_write_that_another_console_read_first_is_ours_all_the_same(console: Services) -> None:
    before = console.personas.get(GUIDE)
    ours = replace(before, raw={**before.raw, "greeting": "Ours."})
    console.persona_history.saw(ours, datetime.now(UTC))
    assert origins(console) == [Origin.TAVUS, Origin.FOUND]
    console.persona_history.wrote(ours, before, actor="console")
    console.persona_history.wrote(ours, ours, actor="console")
    assert origins(console) == [Origin.GREENROOM, Origin.TAVUS, Origin.FOUND]
    theirs = replace(before, raw={**before.raw, "greeting": "Theirs."})
    console.persona_history.wrote(ours, theirs, actor="console", reason="Back to ours.")
    assert origins(console)[:2] == [Origin.GREENROOM, Origin.TAVUS]
    assert [one.reason for one in console.persona_history.of(GUIDE)][:2] == ["Back to ours.", ""]


def test_what_is_put_or_dropped_during_a_sweep_is_newer_than_the_sweep(
    console: Services, sandbox: RunningSandbox
) -> None:
    sweep(console)
    shelf = console.catalogue.persona_shelf
    old = console.personas.get(GUIDE)
    rows = list(console.catalogue.personas().items)

    def meanwhile() -> list[Persona]:
        shelf.put(replace(old, name="Saved meanwhile"))
        shelf.put(Persona("pnew", "Made meanwhile", {}))
        shelf.drop(BUYER)
        return rows

    shelf._sweep = meanwhile
    found = {persona.id: persona.name for persona in sweep(console).items}
    assert (found[GUIDE], found["pnew"]) == ("Saved meanwhile", "Made meanwhile")
    assert BUYER not in found


def test_two_consoles_on_one_database_keep_each_state_once(
    sandbox: RunningSandbox, tmp_path: Path, database_url: str
) -> None:
    with (
        house(sandbox.url, tmp_path, database=database_url) as one,
        house(sandbox.url, tmp_path, database=database_url) as two,
    ):
        threads = [threading.Thread(target=sweep, args=[services]) for services in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert origins(one) == origins(two) == [Origin.FOUND]
        before = one.personas.get(GUIDE)
        one.personas.save(before, {**before.raw, "greeting": "Mine."}, By())
        listing = sweep(two)
        assert origins(two) == [Origin.GREENROOM, Origin.FOUND]
        time.sleep(2.1)
        assert two.persona_history.drift(listing)[GUIDE] is Drift.IN_SYNC


def test_each_account_has_a_history_of_its_own(store: Store) -> None:
    one, two = PersonaHistory(store, account="one"), PersonaHistory(store, account="two")
    persona = Persona("p1", "Guide", {"persona_id": "p1", "persona_name": "Guide", "persona_type": "user"})
    one.wrote(persona, actor="me")
    assert two.of("p1") == []
    assert two.newest("p1") is None
    with pytest.raises(NotFound):
        two.snapshot(one.of("p1")[0].id)


def test_a_new_spelling_of_contents_is_no_change_at_tavus(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = {"persona_id": "p1", "persona_name": "Guide", "mood_today": "good", "persona_type": "user"}
    listing = Listing((Persona("p1", "Guide", raw),), NOW)
    PersonaHistory(store, account="a").swept(listing, datetime.now(UTC))
    # A later Greenroom knows that `mood_today` is the newer name of the greeting.
    monkeypatch.setattr(content, "OLDER", {**content.OLDER, ("mood_today",): ("greeting",)})
    later = PersonaHistory(store, account="a")
    for _ in range(2):
        later.swept(listing, datetime.now(UTC))
    assert len(later.of("p1")) == 1
    assert later.drift(listing) == {"p1": Drift.IN_SYNC}


def personas(count: int, **fields: Any) -> tuple[Persona, ...]:
    prompt = "You are a warm guide. Ask one question at a time. " * 60
    rows = (
        {"persona_id": f"p{n}", "persona_name": f"Guide {n}", "system_prompt": prompt, "persona_type": "user", **fields}
        for n in range(count)
    )
    return tuple(Persona(row["persona_id"], row["persona_name"], row) for row in rows)


def test_the_first_sweep_of_500_is_one_transaction_and_an_unchanged_one_costs_no_write_and_next_to_no_query(
    store: Store,
) -> None:
    history = PersonaHistory(store, account="a")
    with statements(store) as first:
        history.swept(Listing(personas(500), NOW), datetime.now(UTC))
    assert sum(statement.startswith("INSERT") for statement in first) == 1
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM snapshots").scalar_one() == 500
    history.drift(Listing(personas(500), NOW))
    writes = store.writes
    with statements(store) as again:
        listing = Listing(personas(500), NOW)
        history.swept(listing, datetime.now(UTC))
        assert set(history.drift(listing).values()) == {Drift.IN_SYNC}
    assert store.writes == writes
    assert len([statement for statement in again if "snapshots" in statement]) <= 1
    with statements(store) as one_changed:
        changed = (*personas(1, greeting="Theirs."), *personas(500)[1:])
        history.swept(Listing(changed, NOW), datetime.now(UTC))
    assert sum(statement.startswith("INSERT") for statement in one_changed) == 1
    assert history.drift(Listing(changed, NOW))["p0"] is Drift.CHANGED


def test_a_rerun_of_the_gallery_computes_nothing_for_500(store: Store) -> None:
    history = PersonaHistory(store, account="a")
    listing = Listing(personas(500), NOW)
    history.swept(listing, datetime.now(UTC))
    first = history.drift(listing)
    begun = time.thread_time()
    for _ in range(100):
        assert history.drift(replace(listing)) is first
    assert (time.thread_time() - begun) / 100 < 0.001


def test_a_history_that_can_not_be_kept_leaves_the_list_readable(
    console: Services, caplog: pytest.LogCaptureFixture
) -> None:
    console.store.close()
    assert sweep(console).find(GUIDE) is not None
    assert console.personas.get(GUIDE).id == GUIDE
    assert "could not be kept" in caplog.text


def test_hostile_names_reasons_and_contents_are_kept_as_they_are(store: Store) -> None:
    text = "<img src=x onerror=alert(1)> **md** 🦊 שלום \" ' \\ {x}"
    history = PersonaHistory(store, account="a")
    raw = {"persona_id": "p1", "persona_name": text, "system_prompt": text * 500, "\0": "\ud800"}
    history.wrote(Persona("p1", text, raw), actor=text, reason=text)
    (kept,) = history.of("p1")
    assert (kept.name, kept.actor, kept.reason) == (text, text, text)
    assert history.content(kept.id) == content_of(raw)
