"""The library against the sandbox over real HTTP: made, changed, watched, attached, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from lib.clients.tavus import Tavus
from lib.errors import Ambiguous, Conflict, KeyRefused, NotFound, RateLimited, UpstreamRejected
from lib.models import texts
from lib.services.library import documents, examples, forms, guardrails, objectives
from lib.services.library.service import Library
from lib.services.library.using import MOST_GUARDRAILS, LibraryKind
from lib.wiring import Services
from tests.house import BUYER, GUIDE, house
from tests.sandbox_server import RunningSandbox

SALES_COACH = "p1af207b8189"


@pytest.fixture
def sandbox(running: RunningSandbox) -> RunningSandbox:
    running.reset()
    running.freeze()
    return running


@pytest.fixture
def services(sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Services]:
    with house(sandbox.url, tmp_path) as made:
        yield made


@pytest.fixture
def library(services: Services) -> Library:
    return services.library


class Clock:
    """The time of the library, moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def persona(services: Services, persona_id: str) -> dict[str, Any]:
    return dict(services.tavus.personas.get(persona_id=persona_id).raw)


def filled(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value not in (None, []) and name != "updated_at"}


def rule(library: Library, **fields: Any) -> Any:
    return library.guardrails.create({"guardrail_name": "calm", "guardrail_prompt": "Stay calm.", **fields})


def writes(sandbox: RunningSandbox) -> list[str]:
    return [route for route in sandbox.routes() if not route.startswith("GET")]


# made, changed, deleted


def test_a_chain_is_made_changed_by_one_operation_and_deleted(library: Library, sandbox: RunningSandbox) -> None:
    library.objectives.all()
    made = library.objectives.create(objectives.body_of(examples.CHAINS["Patient intake"]))
    assert made.name == "Patient intake"
    assert objectives.path(made) == "ask_if_new → take_details → ask_the_reason"
    chain = objectives.read(made.raw)
    step = chain.steps[2]
    changed = objectives.Chain(chain.name, chain.loops, (*chain.steps[:2], replace(step, prompt="Ask why.")))
    saved = library.objectives.save(made, objectives.write(made.raw, changed))
    assert saved.changed
    assert saved.item.steps[2]["objective_prompt"] == "Ask why."
    assert [one.id for one in library.objectives.all().items].count(made.id) == 1
    assert library.objectives.all().find(made.id) == saved.item
    library.objectives.delete(made.id)
    assert library.objectives.all().find(made.id) is None
    assert writes(sandbox) == [
        "POST /v2/objectives",
        f"PATCH /v2/objectives/{made.id}",
        f"DELETE /v2/objectives/{made.id}",
    ]
    assert sandbox.routes().count("GET /v2/objectives") == 1


def test_a_rule_is_made_changed_and_an_edit_that_changes_nothing_is_not_sent(
    library: Library, sandbox: RunningSandbox
) -> None:
    made = rule(library)
    values = forms.read(made.raw, guardrails.FIELDS)
    assert library.guardrails.save(made, forms.write(made.raw, values, guardrails.FIELDS)).changed is False
    after = forms.write(made.raw, values | {"tags": ("house",), "modality": "visual"}, guardrails.FIELDS)
    saved = library.guardrails.save(made, after)
    assert saved.changed and saved.item.tags == ("house",) and saved.item.raw["modality"] == "visual"
    sandbox.faults({"route": "PATCH /v2/guardrails/*", "status": 304})
    again = library.guardrails.save(saved.item, {**saved.item.raw, "guardrail_prompt": "Stay calmer."})
    assert again.changed is False and again.item.prompt == "Stay calm."
    assert writes(sandbox) == ["POST /v2/guardrails", *[f"PATCH /v2/guardrails/{made.id}"] * 2]


def test_what_was_changed_elsewhere_is_never_written_over(library: Library, sandbox: RunningSandbox) -> None:
    made = rule(library)
    sandbox.call(
        "PATCH", f"/guardrails/{made.id}", [{"op": "replace", "path": "/guardrail_prompt", "value": "Theirs."}]
    )
    with pytest.raises(Conflict) as caught:
        library.guardrails.save(made, {**made.raw, "guardrail_prompt": "Mine."})
    assert "changed at Tavus" in caught.value.message
    assert library.guardrails.all().find(made.id) is not None
    assert library.guardrails.get(made.id).prompt == "Theirs."

    chain = library.objectives.create(objectives.body_of(examples.CHAINS["Discovery call"]))
    sandbox.call("PATCH", f"/objectives/{chain.id}", [{"op": "replace", "path": "/name", "value": "Theirs"}])
    with pytest.raises(Conflict):
        library.objectives.save(chain, {**chain.raw, "name": "Mine"})

    text = library.documents.create({"document_url": "https://docs.example.com/a.pdf", "document_name": "A"})
    sandbox.call("PATCH", f"/documents/{text.id}", {"document_name": "Theirs"})
    with pytest.raises(Conflict):
        library.documents.save(text, {**text.raw, "document_name": "Mine"})
    assert library.documents.get(text.id).name == "Theirs"


def test_an_edit_elsewhere_of_another_field_is_kept_beside_mine(library: Library, sandbox: RunningSandbox) -> None:
    made = rule(library)
    sandbox.call("PATCH", f"/guardrails/{made.id}", [{"op": "replace", "path": "/tags", "value": ["theirs"]}])
    saved = library.guardrails.save(made, {**made.raw, "guardrail_prompt": "Mine."})
    assert (saved.item.prompt, saved.item.tags) == ("Mine.", ("theirs",))


def test_a_refused_patch_is_told_as_it_is_where_nothing_was_changed_elsewhere(library: Library) -> None:
    made = rule(library)
    with pytest.raises(UpstreamRejected) as caught:
        library.guardrails.save(made, {**made.raw, "guardrail_name": "not allowed"})
    assert caught.value.status == 400


def test_a_service_that_takes_no_guard_gets_the_change_without_it(library: Library, sandbox: RunningSandbox) -> None:
    made = rule(library)
    refusal = {"status": 422, "body": {"message": "Invalid JSON patch format"}}
    sandbox.faults({"route": "PATCH /v2/guardrails/*", **refusal})
    assert library.guardrails.save(made, {**made.raw, "guardrail_prompt": "Mine."}).item.prompt == "Mine."
    sandbox.faults({"route": "PATCH /v2/guardrails/*", "times": -1, **refusal})
    before = len(writes(sandbox))
    with pytest.raises(UpstreamRejected):
        library.guardrails.save(library.guardrails.get(made.id), {**made.raw, "guardrail_prompt": "Again."})
    assert len(writes(sandbox)) == before + 2


def test_a_lost_answer_of_a_create_is_not_sent_again(library: Library, sandbox: RunningSandbox) -> None:
    sandbox.faults({"route": "POST /v2/guardrails", "drop": "after"})
    with pytest.raises(Ambiguous):
        rule(library)
    assert writes(sandbox) == ["POST /v2/guardrails"]
    assert "calm" in [one.name for one in library.guardrails.all().items]


def test_what_was_made_is_there_though_it_can_not_be_read_back(library: Library, sandbox: RunningSandbox) -> None:
    library.objectives.all()
    sandbox.faults({"route": "GET /v2/objectives/*", "status": 500, "body": {"error": "boom"}, "times": -1})
    made = library.objectives.create(objectives.body_of(examples.CHAINS["Discovery call"]))
    assert made.name == "Discovery call" and len(made.steps) == 4


def test_lists_are_read_once_and_a_failure_is_raised_again_without_asking(
    library: Library, sandbox: RunningSandbox
) -> None:
    sandbox.faults({"route": "GET /v2/documents", "status": 401, "body": {"message": "Invalid access token"}})
    for _ in range(3):
        with pytest.raises(KeyRefused):
            library.documents.all()
    assert sandbox.routes().count("GET /v2/documents") == 1
    library.forget()
    assert library.documents.all(max_age_s=60).items
    assert library.documents.all(max_age_s=60).items
    assert sandbox.routes().count("GET /v2/documents") == 2


def test_older_sets_are_read_with_their_rules(library: Library) -> None:
    (old,) = library.guardrails.sets().items
    assert old.name and len(old.rules) >= 1 and old.rules[0]["guardrail_prompt"]
    single = {one.id for one in library.guardrails.all().items}
    assert {item["uuid"] for item in old.rules} <= single


# documents


def test_a_document_is_named_and_tagged_by_the_smallest_merge(library: Library, sandbox: RunningSandbox) -> None:
    made = library.documents.create({"document_url": "https://docs.example.com/a.pdf", "document_name": "A"})
    saved = library.documents.save(made, {**made.raw, "tags": ["x"]})
    assert saved.changed and saved.item.tags == ("x",) and saved.item.name == "A"
    assert library.documents.save(saved.item, dict(saved.item.raw)).changed is False
    assert [entry for entry in writes(sandbox) if entry.startswith("PATCH")] == [f"PATCH /v2/documents/{made.id}"]


def test_reading_is_watched_only_while_something_is_read_and_at_most_every_four_seconds(
    sandbox: RunningSandbox,
) -> None:
    clock = Clock()
    tavus = Tavus(base_url=sandbox.v2, api_key=SecretStr("tvsk_test"), sleep=lambda s: None)
    library = Library(tavus, clock=clock)
    library.documents.all()
    sandbox.advance(60)
    library.documents.all(max_age_s=0)
    before = len(sandbox.log())
    assert library.documents.watch() is None
    assert len(sandbox.log()) == before

    made = library.documents.create({"document_url": "https://docs.example.com/a.pdf"})
    assert [one.status for one in library.documents.busy()] == ["started"]
    before = len(sandbox.log())
    for _ in range(5):
        library.documents.watch()
    assert sandbox.routes()[before:] == [f"GET /v2/documents/{made.id}"]
    sandbox.advance(60)
    clock.later(3)
    library.documents.watch()
    assert library.documents.busy()
    clock.later(2)
    library.documents.watch()
    assert library.documents.busy() == ()
    found = library.documents.all().find(made.id)
    assert found is not None and found.status == "ready"
    before = len(sandbox.log())
    clock.later(60)
    library.documents.watch()
    assert len(sandbox.log()) == before
    tavus.close()


def test_many_that_are_read_at_once_are_watched_by_one_list(sandbox: RunningSandbox) -> None:
    clock = Clock()
    tavus = Tavus(base_url=sandbox.v2, api_key=SecretStr("tvsk_test"), sleep=lambda s: None)
    library = Library(tavus, clock=clock)
    library.documents.all()
    for number in range(6):
        library.documents.create({"document_url": f"https://docs.example.com/{number}.pdf"})
    before = len(sandbox.log())
    clock.later(5)
    assert library.documents.watch() is None
    assert sandbox.routes()[before:] == ["GET /v2/documents"]
    tavus.close()


def test_a_look_that_fails_says_why_keeps_what_is_known_and_waits_longer(sandbox: RunningSandbox) -> None:
    clock = Clock()
    tavus = Tavus(base_url=sandbox.v2, api_key=SecretStr("tvsk_test"), sleep=lambda s: None)
    library = Library(tavus, clock=clock)
    library.documents.all()
    made = library.documents.create({"document_url": "https://docs.example.com/a.pdf"})
    sandbox.faults({"route": "GET /v2/documents/*", "status": 401, "body": {"message": "Invalid access token"}})
    before = len(sandbox.log())
    assert isinstance(library.documents.watch(), KeyRefused)
    clock.later(10)
    assert isinstance(library.documents.watch(), KeyRefused)
    assert [one.id for one in library.documents.busy()] == [made.id]
    assert len(sandbox.log()) == before + 1
    clock.later(11)
    assert library.documents.watch() is None
    sandbox.call("DELETE", f"/documents/{made.id}")
    clock.later(5)
    assert library.documents.watch() is None
    assert library.documents.all().find(made.id) is None
    tavus.close()


def test_a_site_is_crawled_again_unless_it_is_being_read_or_was_just_read(
    library: Library, sandbox: RunningSandbox
) -> None:
    made = library.documents.create(
        {"document_url": "https://docs.example.com/", "crawl": {"depth": 2, "max_pages": 4}}
    )
    with pytest.raises(Conflict) as busy:
        library.documents.recrawl(made)
    assert busy.value.status == 409 and "being read right now" in busy.value.message
    sandbox.advance(30)
    ready = library.documents.get(made.id)
    assert ready.status == "ready" and len(texts(ready.raw["crawled_urls"])) == 4
    assert library.documents.recrawl(ready, {"depth": 1, "max_pages": 2}).status == "recrawling"
    sandbox.advance(30)
    again = library.documents.get(made.id)
    assert len(texts(again.raw["crawled_urls"])) == 2
    with pytest.raises(RateLimited) as cooling:
        library.documents.recrawl(again)
    assert cooling.value.retry_after_s is not None and 3400 < cooling.value.retry_after_s <= 3600
    sandbox.advance(3600)
    assert library.documents.recrawl(again).status == "recrawling"
    assert len(writes(sandbox)) == 5


def test_a_file_that_never_was_crawled_needs_limits_to_be_crawled(library: Library, sandbox: RunningSandbox) -> None:
    made = library.documents.create({"document_url": "https://docs.example.com/page"})
    sandbox.advance(30)
    ready = library.documents.get(made.id)
    with pytest.raises(UpstreamRejected) as caught:
        library.documents.recrawl(ready)
    assert caught.value.status == 400
    assert library.documents.recrawl(ready, {"depth": 1, "max_pages": 2}).busy


def test_a_document_that_can_not_be_read_says_why(library: Library, sandbox: RunningSandbox) -> None:
    made = library.documents.create({"document_url": "https://nobody.invalid/a.pdf"})
    sandbox.advance(30)
    assert "could not download it" in documents.why(library.documents.get(made.id))


# attached and detached


def test_each_kind_is_attached_to_personas_and_detached_and_nothing_else_of_them_changes(
    services: Services, sandbox: RunningSandbox
) -> None:
    library = services.library
    items: dict[LibraryKind, Any] = {
        LibraryKind.OBJECTIVES: library.objectives.create(objectives.body_of(examples.CHAINS["Discovery call"])),
        LibraryKind.GUARDRAILS: rule(library),
        LibraryKind.DOCUMENTS: library.documents.create({"document_url": "https://docs.example.com/a.pdf"}),
        LibraryKind.SETS: library.guardrails.sets().items[0],
    }
    before = {id_: persona(services, id_) for id_ in (GUIDE, BUYER)}
    for kind, item in items.items():
        services.attaching.choose(kind, item, ())
        started = {id_: persona(services, id_) for id_ in (GUIDE, BUYER)}
        outcomes = services.attaching.choose(kind, item, {GUIDE, BUYER})
        assert [(outcome.attach, outcome.error) for outcome in outcomes] == [(True, None)] * 2
        assert {use.persona.id for use in services.attaching.uses(kind, item) if use.by_id} == {GUIDE, BUYER}
        assert services.attaching.choose(kind, item, {GUIDE, BUYER}) == ()
        (left,) = services.attaching.choose(kind, item, {GUIDE})
        assert (left.persona_id, left.attach, left.error) == (BUYER, False, None)
        services.attaching.choose(kind, item, ())
        for id_, row in started.items():
            now = persona(services, id_)
            if kind is not LibraryKind.OBJECTIVES:
                assert filled(now) == filled(row)
            assert now["system_prompt"] == before[id_]["system_prompt"]


def test_what_was_attached_is_in_the_personas_history_with_its_reason(services: Services) -> None:
    item = rule(services.library)
    services.attaching.choose(LibraryKind.GUARDRAILS, item, {GUIDE})
    services.attaching.delete(LibraryKind.GUARDRAILS, item)
    reasons = [snapshot.reason for snapshot in services.personas.history.of(GUIDE)]
    assert reasons[:2] == ["Detach guardrail calm", "Attach guardrail calm"]


def test_a_persona_with_unpublished_changes_of_the_maker_is_not_changed(
    services: Services, sandbox: RunningSandbox
) -> None:
    item = rule(services.library)
    body = {"error": "maker_changes", "message": "Unpublished changes."}
    sandbox.faults({"route": f"PATCH /v2/personas/{GUIDE}", "status": 409, "body": body, "times": -1})
    (outcome,) = services.attaching.choose(LibraryKind.GUARDRAILS, item, {GUIDE})
    assert isinstance(outcome.error, Conflict)
    sandbox.faults()
    assert item.id not in (persona(services, GUIDE).get("guardrail_ids") or ())


def test_stock_personas_are_left_alone(services: Services) -> None:
    item = rule(services.library)
    assert services.attaching.choose(LibraryKind.GUARDRAILS, item, {SALES_COACH}) == ()


def test_one_persona_that_refuses_keeps_no_other_from_being_changed(
    services: Services, sandbox: RunningSandbox
) -> None:
    item = rule(services.library)
    sandbox.faults({"route": f"PATCH /v2/personas/{GUIDE}", "status": 402, "body": {"message": "out of credits"}})
    outcomes = {
        one.persona_id: one.error for one in services.attaching.choose(LibraryKind.GUARDRAILS, item, {GUIDE, BUYER})
    }
    assert outcomes[BUYER] is None
    refused = outcomes[GUIDE]
    assert refused is not None and refused.code == "out_of_credit"
    assert item.id in persona(services, BUYER)["guardrail_ids"]


def test_a_persona_with_fifty_guardrails_takes_no_more(services: Services, sandbox: RunningSandbox) -> None:
    item = rule(services.library)
    full = [f"g{number}" for number in range(MOST_GUARDRAILS)]
    sandbox.call("PATCH", f"/personas/{GUIDE}", [{"op": "add", "path": "/guardrail_ids", "value": full}])
    (outcome,) = services.attaching.choose(LibraryKind.GUARDRAILS, item, {GUIDE})
    assert outcome.error is not None and "50 is the most" in outcome.error.message


def test_a_use_by_tag_is_told_apart_from_one_by_id(services: Services, sandbox: RunningSandbox) -> None:
    item = rule(services.library, tags=["house", "calm"])
    sandbox.call("PATCH", f"/personas/{BUYER}", [{"op": "add", "path": "/guardrail_tags", "value": ["house", "x"]}])
    services.attaching.choose(LibraryKind.GUARDRAILS, item, {GUIDE})
    told = {
        use.persona.id: (use.by_id, use.tags)
        for use in services.attaching.uses(LibraryKind.GUARDRAILS, item, max_age_s=0)
        if use.persona.id in (GUIDE, BUYER)
    }
    assert told == {GUIDE: (True, ()), BUYER: (False, ("house",))}


def test_deleting_detaches_first_and_deletes_nothing_while_a_persona_refuses(
    services: Services, sandbox: RunningSandbox
) -> None:
    item = services.library.documents.create({"document_url": "https://docs.example.com/a.pdf"})
    services.attaching.choose(LibraryKind.DOCUMENTS, item, {GUIDE, BUYER})
    sandbox.faults({"route": f"PATCH /v2/personas/{BUYER}", "status": 500, "body": {"error": "boom"}})
    outcomes = {one.persona_id: one.error for one in services.attaching.delete(LibraryKind.DOCUMENTS, item)}
    assert outcomes[GUIDE] is None and isinstance(outcomes[BUYER], Ambiguous)
    assert services.library.documents.get(item.id).id == item.id
    services.attaching.delete(LibraryKind.DOCUMENTS, item)
    for id_ in (GUIDE, BUYER):
        assert item.id not in (persona(services, id_).get("document_ids") or ())
    with pytest.raises(NotFound):
        services.library.documents.get(item.id)
