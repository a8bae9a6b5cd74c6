"""Two change one agent at once: on SQLite and PostgreSQL, each change lands on what the other left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr
from starlette.applications import Starlette

from lib.api.app import routes
from lib.errors import Conflict, NotFound
from lib.models import Agent, CallSettings
from lib.services.agents.merge import LABELS, changed, merge, put, said
from lib.store import agents as rows
from lib.wiring import Services
from tests.house import ANNA, BUYER, GUIDE, LUCAS, demo, house
from tests.sandbox_server import RunningSandbox, serve

ROUNDS = 25
TOKEN = "a-token-for-the-api"


@pytest.fixture
def services(running: RunningSandbox, tmp_path: Path, database_url: str) -> Iterator[Services]:
    running.reset()
    with house(running.url, tmp_path, database=database_url, api_token=SecretStr(TOKEN)) as made:
        yield made


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each gives, or raises, where all begin in one moment."""
    gate = threading.Barrier(len(acts))

    def through(act: Callable[[], Any]) -> Any:
        gate.wait(10)
        try:
            return act()
        except Exception as error:  # noqa: BLE001 - told to the test
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(through, acts))


def used(services: Services, agent: Agent, at: datetime) -> None:
    with services.store.writing() as connection:
        rows.touch(connection, services.account, agent.id, at)


def test_changes_of_two_at_once_are_both_kept(services: Services) -> None:
    agent = demo(services)
    for number in range(ROUNDS):
        at = datetime(2026, 11, 26, 9, number, tzinfo=UTC)
        read = services.agents.get(agent.id)
        at_once(
            partial(services.agents.update, agent.id, name=f"Name {number}"),
            partial(services.agents.update, agent.id, greeting=f"Greeting {number}"),
            partial(services.agents.save, read, put(read, {"context": f"Context {number}"})),
            partial(used, services, agent, at),
        )
        kept = services.agents.get(agent.id)
        assert (kept.name, kept.call.greeting, kept.call.context, kept.last_used_at) == (
            f"Name {number}", f"Greeting {number}", f"Context {number}", at,
        )  # fmt: skip


def test_two_who_save_the_same_field_at_once_one_is_kept_and_the_other_is_told(services: Services) -> None:
    agent = demo(services)
    for number in range(ROUNDS):
        read = services.agents.get(agent.id)
        saves = at_once(*(lambda w=w, read=read: services.agents.save(read, replace(read, name=w)) for w in ("A", "B")))
        told = [merged for merged in saves if merged.clashes]
        if read.name in ("A", "B"):  # then only one of the two changes anything
            assert told == []
            continue
        (lost,), kept = told, services.agents.get(agent.id)
        assert {lost.wanted.name, kept.name} == {"A", "B"}
        (clash,) = lost.clashes
        assert (clash.base, clash.mine, clash.theirs) == (read.name, lost.wanted.name, kept.name)
        services.agents.update(agent.id, name=f"Again {number}")


def test_only_what_was_changed_is_written_and_the_rest_stays_as_it_is_by_now(services: Services) -> None:
    read = demo(services, call=CallSettings(greeting="Hello", captions=True))
    services.agents.update(read.id, greeting="Welcome", private_room=True)
    merged = services.agents.save(read, put(read, {"name": "Mine", "captions": False}))
    assert merged.clashes == ()
    assert (merged.mine, merged.theirs) == (("Name", "Captions"), ("Greeting", "Private room"))
    kept = services.agents.get(read.id)
    assert kept == merged.agent
    assert (kept.name, kept.call) == ("Mine", CallSettings(greeting="Welcome", private_room=True))


def test_a_clash_writes_nothing_and_what_both_changed_alike_is_none(services: Services) -> None:
    read = demo(services)
    services.agents.update(read.id, persona_id=BUYER, max_call_s=120)
    before = services.agents.get(read.id)
    wanted = put(read, {"name": "Mine", "persona_id": BUYER, "max_call_s": 300})
    merged = services.agents.save(read, wanted)
    assert [(clash.key, clash.base, clash.mine, clash.theirs) for clash in merged.clashes] == [
        ("max_call_s", "", "5 min", "2 min")
    ]
    assert services.agents.get(read.id) == before
    done = services.agents.save(before, merged.with_mine({"max_call_s"}))
    assert (done.agent.name, done.agent.call.max_call_s, done.clashes) == ("Mine", 300, ())


def test_saving_what_was_deleted_says_so_and_makes_nothing(services: Services) -> None:
    read = demo(services)
    services.agents.delete(read.id)
    with pytest.raises(NotFound):
        services.agents.save(read, replace(read, name="Mine"))
    with pytest.raises(NotFound):
        services.agents.update(read.id, name="Mine")
    assert read.id not in {agent.id for agent in services.agents.all()}


def test_an_undo_from_two_tabs_brings_it_back_once(services: Services) -> None:
    for _ in range(ROUNDS):
        agent = demo(services)
        services.agents.delete(agent.id)
        told = at_once(*[lambda agent=agent: services.agents.restore(agent)] * 3)
        assert sorted(type(one).__name__ for one in told) == ["Agent", "Conflict", "Conflict"]
        assert isinstance(next(one for one in told if one != agent), Conflict)


def test_two_processes_that_open_one_new_database_give_it_its_samples_once(services: Services) -> None:
    def first(key: str) -> bool:
        with services.store.writing() as connection:
            return rows.first_time(connection, key)

    for number in range(ROUNDS):
        told = at_once(*[lambda n=number: first(f"samples:{n}")] * 4)
        assert sorted(map(str, told)) == ["False"] * 3 + ["True"]


def test_agents_are_given_a_new_persona_only_while_they_have_the_old_one(services: Services) -> None:
    stays, moves, gone = demo(services), demo(services), demo(services)
    services.agents.delete(gone.id)
    for _ in range(ROUNDS):
        services.agents.update(stays.id, persona_id=GUIDE)
        services.agents.update(moves.id, persona_id=GUIDE)
        ids = [moves.id, gone.id, stays.id]
        other, moved = at_once(
            lambda: services.agents.update(stays.id, persona_id="pother"),
            partial(services.agents.repoint, [GUIDE], BUYER, ids),
        )
        assert not isinstance(other, Exception) and not isinstance(moved, Exception)
        assert services.agents.get(moves.id).persona_id == BUYER
        assert services.agents.get(stays.id).persona_id == "pother"


def test_two_patches_of_the_api_and_a_save_of_a_page_are_all_kept(services: Services) -> None:
    agent = demo(services)
    with serve(Starlette(routes=routes(services))) as url:

        def patch(call: dict[str, Any]) -> int:
            answer = requests.patch(
                f"{url}/api/agents/{agent.id}",
                json={"call": call},
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=20,
            )
            return answer.status_code

        for number in range(ROUNDS):
            read, flag = services.agents.get(agent.id), number % 2 == 0
            told = at_once(
                partial(patch, {"captions": flag}),
                partial(patch, {"greenscreen": flag}),
                partial(services.agents.save, read, put(read, {"audio_only": flag})),
            )
            call = services.agents.get(agent.id).call
            assert told[:2] == [200, 200]
            assert (call.captions, call.greenscreen, call.audio_only) == (flag, flag, flag)


EXAMPLES: dict[str, Any] = {
    "name": "Other", "persona_id": BUYER, "replica_id": LUCAS, "language": "German", "max_call_s": 90, "absent_s": 45,
    "left_s": 20, "greeting": "Hi", "context": "Sales", "document_ids": ("d1", "d2"), "document_tags": ("t",),
    "document_retrieval_strategy": "speed", "recording": True, "recording_storage": {"provider": "s3"},
    "captions": True, "greenscreen": True, "audio_only": True, "private_room": True,
}  # fmt: skip


@pytest.mark.parametrize("field", LABELS)
def test_every_field_is_found_changed_merged_and_told(field: str) -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    was = Agent("a1", "Demo", GUIDE, ANNA, CallSettings(), now, now)
    one = put(was, {field: EXAMPLES[field]})
    assert changed(was, one) == {field: EXAMPLES[field]}
    assert merge(was, one, was).agent == one
    assert merge(was, was, one).agent == one
    assert merge(was, one, one).clashes == ()
    assert said(field, EXAMPLES[field])
    other = {**EXAMPLES, "name": "Third", "greeting": "Ho"}[field]
    if not isinstance(other, bool) and other != EXAMPLES[field]:
        assert [clash.key for clash in merge(was, put(was, {field: other}), one).clashes] == [field]
