"""The client against the sandbox over real HTTP, and against answers as Tavus is known to vary them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from lib.clients.tavus import Tavus
from lib.errors import Ambiguous, KeyRefused, NotFound, OutOfCredit, SlotsFull, UpstreamRejected
from tests.sandbox_server import RunningSandbox, eventually
from tests.scripted_server import Scripted, answer, scripted

GUIDE, ANNA = "p2b8e10c94d6", "r90bbd427f71"
KEY = SecretStr("tvsk_test")


@pytest.fixture
def tavus(sandbox: RunningSandbox) -> Iterator[Tavus]:
    client = Tavus(base_url=sandbox.v2, api_key=KEY, sleep=lambda s: None)
    yield client
    client.close()


def speaking_to(upstream: Scripted) -> Tavus:
    return Tavus(base_url=upstream.url, api_key=KEY, sleep=lambda s: None)


def page(rows: list[dict[str, Any]], total: Any = None) -> Any:
    return answer(200, {"data": rows} if total is None else {"data": rows, "total_count": total})


def people(first: int, last: int) -> list[dict[str, Any]]:
    return [{"persona_id": f"p{number}", "persona_name": f"Nr {number}"} for number in range(first, last + 1)]


def asked_pages(upstream: Scripted) -> list[str]:
    return [parse_qs(urlsplit(seen.target).query)["page"][0] for seen in upstream.seen]


# personas


def test_a_persona_is_made_read_changed_and_deleted(tavus: Tavus) -> None:
    made = tavus.personas.create({"persona_name": "Zoë <b>", "system_prompt": "Be kind. " * 1000, "greeting": "Hi"})
    read = tavus.personas.get(persona_id=made)
    assert (read.id, read.name, read.greeting, read.stock) == (made, "Zoë <b>", "Hi", False)
    assert read.system_prompt == "Be kind. " * 1000
    change = [{"op": "replace", "path": "/persona_name", "value": "Ana"}]
    assert tavus.personas.patch(persona_id=made, operations=change).changed
    assert not tavus.personas.patch(persona_id=made, operations=change).changed
    assert tavus.personas.get(persona_id=made).name == "Ana"
    assert [persona.name for persona in tavus.personas.all() if persona.id == made] == ["Ana"]
    tavus.personas.delete(persona_id=made)
    with pytest.raises(NotFound):
        tavus.personas.get(persona_id=made)
    with pytest.raises(NotFound):
        tavus.personas.delete(persona_id=made)


def test_a_patch_that_does_not_fit_is_refused_with_its_status(tavus: Tavus) -> None:
    with pytest.raises(UpstreamRejected) as caught:
        tavus.personas.patch(persona_id=GUIDE, operations=[{"op": "replace", "path": "/no/such/path", "value": 1}])
    assert caught.value.status == 422
    with pytest.raises(NotFound):
        tavus.personas.patch(persona_id="p000", operations=[{"op": "replace", "path": "/persona_name", "value": "x"}])


def test_a_persona_without_a_prompt_is_refused_with_the_vendors_words(tavus: Tavus) -> None:
    with pytest.raises(UpstreamRejected) as caught:
        tavus.personas.create({"persona_name": "Empty"})
    assert caught.value.status == 400 and "system_prompt" in caught.value.message


def test_stock_and_own_personas_and_replicas_are_told_apart(tavus: Tavus) -> None:
    personas = {persona.id: persona for persona in tavus.personas.all()}
    assert personas["p1af207b8189"].stock and not personas[GUIDE].stock
    assert personas[GUIDE].default_replica_id == ANNA
    replicas = {replica.id: replica for replica in tavus.replicas.all()}
    assert replicas[ANNA].stock and replicas[ANNA].ready and replicas[ANNA].name == "Anna"
    assert replicas[ANNA].thumbnail_image_url.startswith("http://127.0.0.1:")
    assert tavus.replicas.get(replica_id=ANNA) == replicas[ANNA]
    assert tavus.personas.count() == len(personas) and tavus.replicas.count() == len(replicas)
    with pytest.raises(NotFound):
        tavus.replicas.get(replica_id="r000")


def test_a_list_of_less_than_a_page_is_one_request(tavus: Tavus, sandbox: RunningSandbox) -> None:
    tavus.personas.all()
    tavus.replicas.all()
    tavus.conversations.all()
    assert sandbox.routes() == ["GET /v2/personas", "GET /v2/replicas", "GET /v2/conversations"]


def test_a_list_of_three_pages_is_read_whole(tavus: Tavus, sandbox: RunningSandbox) -> None:
    for number in range(230):
        tavus.personas.create({"persona_name": f"Nr {number}", "system_prompt": "x"})
    before = len(sandbox.log())
    names = [persona.name for persona in tavus.personas.all()]
    assert len(names) == 236 and {f"Nr {number}" for number in range(230)} <= set(names)
    assert len(sandbox.log()) - before == 3


# conversations


def test_a_conversation_is_started_joined_ended_and_deleted(tavus: Tavus) -> None:
    started = datetime.now(UTC)
    made = tavus.conversations.create({"persona_id": GUIDE, "conversation_name": "greenroom-1", "require_auth": True})
    assert made.active and made.name == "greenroom-1" and (made.persona_id or GUIDE) == GUIDE
    assert made.meeting_token and "t=" not in made.url and made.url.endswith(made.id)
    assert made.created_at is not None and abs((made.created_at - started).total_seconds()) < 5

    def joined() -> bool:
        read = tavus.conversations.get(conversation_id=made.id, verbose=True)
        return any(event.event_type == "system.replica_joined" for event in read.events)

    eventually(joined)
    quiet = tavus.conversations.get(conversation_id=made.id)
    assert quiet.events == () and quiet.meeting_token == "" and quiet.replica_id == ANNA
    assert [one.id for one in tavus.conversations.all(status="active")] == [made.id]
    tavus.conversations.end(conversation_id=made.id)
    assert not tavus.conversations.get(conversation_id=made.id).active
    assert tavus.conversations.all(status="active") == [] and len(tavus.conversations.all(status="ended")) == 1
    tavus.conversations.delete(conversation_id=made.id, hard=True)
    with pytest.raises(NotFound):
        tavus.conversations.get(conversation_id=made.id)
    with pytest.raises(NotFound):
        tavus.conversations.end(conversation_id=made.id)


def test_full_slots_spent_credit_and_an_unknown_persona_are_three_different_things(
    tavus: Tavus, sandbox: RunningSandbox
) -> None:
    with pytest.raises(UpstreamRejected) as unknown:
        tavus.conversations.create({"persona_id": "p000", "replica_id": ANNA})
    assert unknown.value.status == 400
    sandbox.limits(concurrency=1)
    tavus.conversations.create({"persona_id": GUIDE})
    with pytest.raises(SlotsFull) as full:
        tavus.conversations.create({"persona_id": GUIDE})
    assert full.value.status == 400
    sandbox.limits(concurrency=10, credits=0)
    with pytest.raises(OutOfCredit) as spent:
        tavus.conversations.create({"persona_id": GUIDE})
    assert spent.value.status == 402


def test_a_start_whose_answer_is_lost_is_sent_once_and_exists(tavus: Tavus, sandbox: RunningSandbox) -> None:
    sandbox.faults({"route": "POST /v2/conversations", "drop": "after"})
    with pytest.raises(Ambiguous):
        tavus.conversations.create({"persona_id": GUIDE, "conversation_name": "greenroom-lost"})
    assert [one.name for one in tavus.conversations.all()] == ["greenroom-lost"]
    assert sandbox.routes().count("POST /v2/conversations") == 1


def test_a_missing_key_is_refused(sandbox: RunningSandbox) -> None:
    with pytest.raises(KeyRefused):
        Tavus(base_url=sandbox.v2, api_key=SecretStr("")).personas.all()


def test_an_old_address_that_answers_html_quotes_none_of_it(tavus: Tavus, sandbox: RunningSandbox) -> None:
    tavus.reach_at(f"{sandbox.url}/v1")
    with pytest.raises(UpstreamRejected) as caught:
        tavus.personas.all()
    assert caught.value.status == 404 and "<" not in caught.value.message


# the shapes that Tavus is known to answer in


@pytest.mark.parametrize(
    "body",
    [
        {"persona_id": "p1", "persona_name": "Ana", "default_replica_id": "r1", "persona_type": "system"},
        {"pal_id": "p1", "pal_name": "Ana", "default_face_id": "r1", "pal_type": "system"},
        {"data": [{"persona_id": "p1", "persona_name": "Ana", "default_replica_id": "r1", "persona_type": "system"}]},
        {"data": {"pal_id": "p1", "pal_name": "Ana", "default_face_id": "r1", "pal_type": "system"}},
        {
            "persona_id": "p1",
            "pal_id": None,
            "pal_name": "Ana",
            "default_face_id": "r1",
            "pal_type": "system",
            "data": {},
        },
    ],
)
def test_a_persona_is_read_in_either_vocabulary_and_shape(body: Any) -> None:
    with scripted(answer(200, body)) as upstream:
        persona = speaking_to(upstream).personas.get(persona_id="p1")
    assert (persona.id, persona.name, persona.default_replica_id, persona.stock) == ("p1", "Ana", "r1", True)


@pytest.mark.parametrize("body", [{"persona_id": "p9"}, {"pal_id": "p9", "conferencing_email": "x"}])
def test_a_made_persona_is_named_by_either_id(body: Any) -> None:
    with scripted(answer(200, body)) as upstream:
        assert speaking_to(upstream).personas.create({}) == "p9"


@pytest.mark.parametrize(
    "body", [{}, [], {"data": []}, {"persona_id": ""}, {"persona_id": 7}, {"data": [1]}, "p1", None]
)
def test_an_answer_without_an_id_is_ambiguous(body: Any) -> None:
    with scripted(answer(200, body)) as upstream:
        tavus = speaking_to(upstream)
        for send in (lambda: tavus.personas.create({}), lambda: tavus.conversations.create({})):
            with pytest.raises(Ambiguous):
                send()
        assert len(upstream.seen) == 2


def test_a_replica_is_read_in_either_vocabulary() -> None:
    row = {
        "face_id": "r1",
        "face_name": "Mira",
        "status": "completed",
        "face_type": "system",
        "model_name": "phoenix-4",
    }
    with scripted(answer(200, row | {"thumbnail_image_url": "javascript:alert(1)"})) as upstream:
        replica = speaking_to(upstream).replicas.get(replica_id="r1")
    assert (replica.name, replica.stock, replica.ready, replica.thumbnail_image_url) == ("Mira", True, True, "")


def test_events_are_read_with_times_of_every_kind_and_in_their_order() -> None:
    events = [
        {"event_type": "system.replica_joined", "timestamp": "2026-11-22T09:15:01.5Z", "properties": {"face_id": "r1"}},
        {"event_type": "system.shutdown", "timestamp": 1795338960.25, "properties": None},
        {"event_type": "application.transcription_ready", "timestamp": "soon"},
        {"event_type": "", "timestamp": "2026-11-22T09:15:01Z"},
        "noise",
    ]
    row = {"conversation_id": "c1", "pal_id": "p1", "face_id": "r1", "status": "ended", "events": events}
    with scripted(answer(200, row)) as upstream:
        read = speaking_to(upstream).conversations.get(conversation_id="c1", verbose=True)
        assert upstream.seen[0].target == "/v2/conversations/c1?verbose=true"
    joined, shut, transcribed = read.events
    assert joined.at == datetime(2026, 11, 22, 9, 15, 1, 500000, UTC) and joined.properties == {"face_id": "r1"}
    assert shut.at == transcribed.at == datetime.fromtimestamp(1795338960.25, UTC) and shut.properties == {}
    assert (read.persona_id, read.replica_id, read.created_at, read.active) == ("p1", "r1", None, False)


@pytest.mark.parametrize("status", [200, 204])
def test_a_delete_is_done_with_either_success(status: int) -> None:
    with scripted(answer(status, None)) as upstream:
        tavus = speaking_to(upstream)
        tavus.personas.delete(persona_id="p1")
        tavus.conversations.delete(conversation_id="c1", hard=True)
        tavus.conversations.end(conversation_id="c1")
    assert [f"{seen.method} {seen.target}" for seen in upstream.seen] == [
        "DELETE /v2/personas/p1",
        "DELETE /v2/conversations/c1?hard=true",
        "POST /v2/conversations/c1/end",
    ]
    assert upstream.seen[2].body == b""


# lists


def test_a_list_whose_pages_count_from_zero_is_read_whole() -> None:
    with scripted(page(people(101, 144), 144), page([], 144), page(people(1, 100), 144)) as upstream:
        found = speaking_to(upstream).personas.all()
        assert asked_pages(upstream) == ["1", "2", "0"]
    assert len(found) == 144


def test_a_short_list_whose_pages_count_from_zero_is_not_taken_for_empty() -> None:
    with scripted(page([], 8), page(people(1, 8), 8)) as upstream:
        assert len(speaking_to(upstream).personas.all()) == 8
        assert asked_pages(upstream) == ["1", "0"]


def test_a_row_that_moved_between_pages_is_found_by_a_second_reading() -> None:
    first, moved = page(people(1, 100), 102), page(people(102, 102), 102)
    with scripted(first, moved, page([], 102), first, first, page(people(101, 102), 102)) as upstream:
        assert len(speaking_to(upstream).personas.all()) == 102
        assert asked_pages(upstream) == ["1", "2", "3", "0", "1", "2"]


def test_rows_that_come_twice_count_once_and_keep_their_order() -> None:
    with scripted(page(people(1, 3), 5), page(people(3, 5), 5)) as upstream:
        assert [persona.id for persona in speaking_to(upstream).personas.all()] == ["p1", "p2", "p3", "p4", "p5"]


def test_without_a_total_the_list_ends_with_the_page_that_adds_nothing() -> None:
    with scripted(page(people(1, 100)), page(people(101, 130)), page([])) as upstream:
        assert len(speaking_to(upstream).personas.all()) == 130
        assert asked_pages(upstream) == ["1", "2", "3"]


def test_a_server_that_ignores_the_page_is_not_asked_forever() -> None:
    with scripted(page(people(1, 10), 500)) as upstream:
        assert len(speaking_to(upstream).personas.all()) == 10
        assert len(upstream.seen) <= 5


def test_a_server_that_refuses_page_zero_does_no_harm() -> None:
    refused = answer(400, {"error": "page must be greater than 0"})
    with scripted(page(people(1, 2), 3), page([], 3), refused, page(people(1, 3), 3)) as upstream:
        assert len(speaking_to(upstream).personas.all()) == 3
        assert asked_pages(upstream) == ["1", "2", "0", "1"]


@pytest.mark.parametrize("second", [answer(500, {}), answer(200, {"data": None}), answer(200, {"data": [{}]})])
def test_a_page_that_fails_fails_the_whole_list(second: Any) -> None:
    with scripted(page(people(1, 100), 150), second) as upstream, pytest.raises(Ambiguous):
        speaking_to(upstream).personas.all()
