"""Every way that a save can go, against the sandbox over real HTTP; making, restoring, deleting and making anew."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from lib.errors import Ambiguous, Conflict, KeyRefused, NotFound, NotSent, UpstreamError, UpstreamRejected
from lib.models import Origin, Persona, branch
from lib.services.personas.content import content_of
from lib.services.personas.patch import guarded
from lib.services.personas.saved import LostSave, PersonaSaved, SaveOutcome
from lib.services.personas.service import By
from lib.wiring import Services
from tests.house import BUYER, GUIDE, demo
from tests.sandbox_server import RunningSandbox

CANARY = "sk-canary-persona-8812"
COACH = "p1af207b8189"
ME = By("console", "Because.")
PATCH = f"PATCH /v2/personas/{GUIDE}"


def elsewhere(sandbox: RunningSandbox, *steps: dict[str, Any], persona_id: str = GUIDE) -> None:
    """A change by someone else."""
    assert sandbox.call("PATCH", f"/personas/{persona_id}", list(steps)).status_code == 200


def replaced(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def stored(sandbox: RunningSandbox, persona_id: str = GUIDE) -> dict[str, Any]:
    row: dict[str, Any] = sandbox.call("GET", f"/personas/{persona_id}").json()
    return row


def after(persona: Persona, **fields: Any) -> dict[str, Any]:
    return {**persona.raw, **fields}


def origins(services: Services, persona_id: str = GUIDE) -> list[Origin]:
    return [snapshot.origin for snapshot in services.persona_history.of(persona_id)]


def asked(sandbox: RunningSandbox, seen: int) -> list[str]:
    return [entry["method"] for entry in sandbox.log()[seen:]]


def test_saved_the_change_is_sent_read_back_and_kept_with_who_and_why(
    services: Services, sandbox: RunningSandbox
) -> None:
    before = services.personas.get(GUIDE)
    seen = len(sandbox.log())
    saved = services.personas.save(before, after(before, greeting="Hello there."), ME)
    assert (saved.outcome, saved.dropped, saved.unrecorded) == (SaveOutcome.SAVED, (), None)
    assert [(change.label, change.now) for change in saved.changes] == [("Greeting", "Hello there.")]
    assert saved.persona is not None
    assert saved.persona.greeting == stored(sandbox)["greeting"] == "Hello there."
    assert asked(sandbox, seen)[:3] == ["GET", "PATCH", "GET"]
    newest, first = services.persona_history.of(GUIDE)
    assert (newest.origin, newest.actor, newest.reason) == (Origin.GREENROOM, "console", "Because.")
    assert first.origin is Origin.FOUND
    assert services.persona_history.content(newest.id) == content_of(saved.persona.raw)
    assert services.catalogue.personas().find(GUIDE) == saved.persona


def test_nothing_changed_where_there_is_no_difference_or_tavus_sees_none(
    console: Services, sandbox: RunningSandbox
) -> None:
    before = console.personas.get(GUIDE)
    seen = len(sandbox.log())
    assert console.personas.save(before, dict(before.raw), ME).outcome is SaveOutcome.NOTHING_CHANGED
    assert asked(sandbox, seen) == ["GET"]
    # Seen at Tavus: a default of the language model's is no change.
    layers = {**before.layers, "llm": {**branch(before.layers, "llm"), "speculative_inference": True}}
    saved = console.personas.save(before, after(before, layers=layers), ME)
    assert saved.outcome is SaveOutcome.NOTHING_CHANGED
    assert saved.persona is not None
    sandbox.faults({"route": PATCH, "status": 304})
    assert console.personas.save(before, after(before, greeting="Hi"), ME).outcome is SaveOutcome.NOTHING_CHANGED
    assert origins(console) == [Origin.FOUND]


def test_conflict_someone_elses_edit_is_shown_with_three_sides_and_nothing_is_sent(
    console: Services, sandbox: RunningSandbox
) -> None:
    before = console.personas.get(GUIDE)
    elsewhere(sandbox, replaced("/persona_name", "Theirs"), replaced("/greeting", "Their greeting."))
    seen = len(sandbox.log())
    mine = after(before, persona_name="Mine", context="My context.")
    saved = console.personas.save(before, mine, ME)
    assert saved.outcome is SaveOutcome.CONFLICT
    assert asked(sandbox, seen) == ["GET"]
    assert saved.contested is not None
    (clash,) = saved.contested.merge.clashes
    assert (clash.label, clash.base, clash.mine, clash.theirs) == ("Name", before.name, "Mine", "Theirs")
    assert [change.label for change in saved.contested.their_changes] == ["Name", "Greeting"]
    assert origins(console) == [Origin.TAVUS, Origin.FOUND]
    # What the page does next: over theirs, with my side of what clashes.
    row = saved.contested.merge.with_mine([clash.key])
    again = console.personas.save(saved.contested.theirs, row, ME)
    assert again.outcome is SaveOutcome.SAVED
    now = stored(sandbox)
    assert (now["persona_name"], now["greeting"], now["context"]) == ("Mine", "Their greeting.", "My context.")
    assert origins(console) == [Origin.GREENROOM, Origin.TAVUS, Origin.FOUND]


def test_conflict_an_edit_of_other_fields_is_shown_too_and_merges_by_itself(
    console: Services, sandbox: RunningSandbox
) -> None:
    before = console.personas.get(GUIDE)
    elsewhere(sandbox, replaced("/greeting", "Their greeting."))
    saved = console.personas.save(before, after(before, context="My context."), ME)
    assert saved.outcome is SaveOutcome.CONFLICT
    assert saved.contested is not None
    assert saved.contested.merge.clashes == ()
    assert stored(sandbox)["context"] == before.context
    console.personas.save(saved.contested.theirs, saved.contested.merge.row, ME)
    now = stored(sandbox)
    assert (now["greeting"], now["context"]) == ("Their greeting.", "My context.")


def test_conflict_an_edit_between_the_reading_and_the_sending_fails_the_guard(
    console: Services, sandbox: RunningSandbox
) -> None:
    before = console.personas.get(GUIDE)
    elsewhere(sandbox, replaced("/greeting", "Their greeting."))
    saved = console.personas.save(before, after(before, greeting="Mine."), ME, just_read=True)
    assert saved.outcome is SaveOutcome.CONFLICT
    assert saved.contested is not None
    assert [clash.key for clash in saved.contested.merge.clashes] == ["greeting"]
    assert stored(sandbox)["greeting"] == "Their greeting."


def test_the_same_change_on_both_sides_is_no_conflict(console: Services, sandbox: RunningSandbox) -> None:
    before = console.personas.get(GUIDE)
    elsewhere(sandbox, replaced("/greeting", "Same."))
    for just_read in (False, True):
        saved = console.personas.save(before, after(before, greeting="Same."), ME, just_read=just_read)
        assert saved.outcome is SaveOutcome.NOTHING_CHANGED


def test_an_edit_that_says_nothing_is_no_conflict(console: Services, sandbox: RunningSandbox) -> None:
    before = console.personas.get(GUIDE)
    stale = Persona(before.id, before.name, {**before.raw, "updated_at": "long ago", "some_null": None})
    assert console.personas.save(stale, after(stale, greeting="Mine."), ME).outcome is SaveOutcome.SAVED


def test_maker_draft_nothing_is_done_until_it_is_forced(console: Services, sandbox: RunningSandbox) -> None:
    before = console.personas.get(GUIDE)
    sandbox.control("drafts", {"persona_id": GUIDE})
    saved = console.personas.save(before, after(before, greeting="Mine."), ME)
    assert saved.outcome is SaveOutcome.MAKER_DRAFT
    assert saved.error is not None
    assert "PAL Maker" in saved.error.message
    assert stored(sandbox)["greeting"] == before.greeting
    with pytest.raises(Conflict, match="PAL Maker"):
        saved.checked()
    assert console.personas.save(before, after(before, greeting="Mine."), ME, force=True).outcome is SaveOutcome.SAVED
    assert (stored(sandbox)["greeting"], sandbox.control("drafts")) == ("Mine.", [])


def test_drafted_a_change_that_went_into_a_draft_is_not_called_saved(
    console: Services, sandbox: RunningSandbox
) -> None:
    before = console.personas.get(GUIDE)
    sandbox.faults({"route": PATCH, "status": 200, "body": {"publish_url": "https://maker.example/p/1"}})
    saved = console.personas.save(before, after(before, greeting="Mine."), ME)
    assert (saved.outcome, saved.publish_url) == (SaveOutcome.DRAFTED, "https://maker.example/p/1")
    assert origins(console) == [Origin.FOUND]
    with pytest.raises(Conflict, match="draft"):
        saved.checked()
    sandbox.faults({"route": PATCH, "status": 200, "body": {"publish_url": "javascript:alert(1)"}})
    assert console.personas.save(before, after(before, greeting="Mine."), ME).publish_url == ""


@pytest.mark.parametrize(("status", "body"), [(422, {"message": "Invalid JSON patch"}), (400, {"error": "No such."})])
def test_refused_tavus_says_why_and_nothing_is_kept(
    status: int, body: dict[str, str], console: Services, sandbox: RunningSandbox
) -> None:
    before = console.personas.get(GUIDE)
    sandbox.faults({"route": PATCH, "status": status, "body": body, "times": -1})
    saved = console.personas.save(before, after(before, greeting="Mine."), ME)
    assert saved.outcome is SaveOutcome.REFUSED
    assert saved.error is not None
    assert next(iter(body.values())) in saved.error.message
    assert origins(console) == [Origin.FOUND]
    with pytest.raises(UpstreamRejected):
        saved.checked()


def test_refused_a_replica_that_is_none_is_named_by_tavus(console: Services) -> None:
    before = console.personas.get(GUIDE)
    saved = console.personas.save(before, after(before, default_replica_id="r000", default_face_id="r000"), ME)
    assert saved.outcome is SaveOutcome.REFUSED
    assert saved.error is not None
    assert "Invalid replica_uuid" in saved.error.message


def test_a_guard_that_tavus_does_not_take_is_left_away_if_nothing_was_changed(
    console: Services, sandbox: RunningSandbox
) -> None:
    before = console.personas.get(GUIDE)
    sandbox.faults({"route": PATCH, "status": 422, "body": {"message": "Invalid JSON patch format"}})
    seen = len(sandbox.log())
    assert console.personas.save(before, after(before, greeting="Mine."), ME).outcome is SaveOutcome.SAVED
    assert asked(sandbox, seen) == ["GET", "PATCH", "GET", "PATCH", "GET"]
    assert stored(sandbox)["greeting"] == "Mine."


LOST: dict[str, dict[str, Any]] = {
    "dropped after acting": {"drop": "after"},
    "a 500 after acting": {"status": 500, "body": {"error": "boom"}, "act": True},
    "truncated": {"truncate": True, "status": 500, "body": {"error": "boom"}, "act": True},
}


@pytest.mark.parametrize("how", LOST)
def test_unclear_what_was_done_all_the_same_is_found_saved(
    how: str, console: Services, sandbox: RunningSandbox
) -> None:
    before = console.personas.get(GUIDE)
    sandbox.faults({"route": PATCH, **LOST[how]})
    saved = console.personas.save(before, after(before, greeting="Mine.", context="C"), ME)
    assert (saved.outcome, saved.holds) == (SaveOutcome.UNCLEAR, LostSave.SAVED)
    assert [(change.label, state) for change, state in saved.held] == [
        ("Context", LostSave.SAVED),
        ("Greeting", LostSave.SAVED),
    ]
    assert saved.checked() is saved
    newest = services_newest(console)
    assert (newest.origin, newest.actor) == (Origin.GREENROOM, "console")


@pytest.mark.parametrize("how", [{"drop": "before"}, {"status": 500, "body": {"error": "boom"}}])
def test_unclear_what_was_not_done_is_found_not_saved(
    how: dict[str, Any], console: Services, sandbox: RunningSandbox
) -> None:
    before = console.personas.get(GUIDE)
    sandbox.faults({"route": PATCH, **how})
    saved = console.personas.save(before, after(before, greeting="Mine."), ME)
    assert (saved.outcome, saved.holds) == (SaveOutcome.UNCLEAR, LostSave.NOT_SAVED)
    assert origins(console) == [Origin.FOUND]
    with pytest.raises(Ambiguous) as told:
        saved.checked()
    assert "Read it again" in told.value.hint
    assert asked(sandbox, 0).count("PATCH") == 1


def test_unclear_a_part_that_holds_is_told_from_what_does_not(
    console: Services, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = console.personas.get(GUIDE)
    half = {**before.raw, "greeting": "Mine.", "context": "Something else."}
    sandbox.faults({"route": PATCH, "status": 500, "body": {"error": "boom"}})
    monkeypatch.setattr(console.personas, "_reread", lambda _id: (Persona(GUIDE, before.name, half), None))
    wanted = after(before, greeting="Mine.", context="C", document_tags=["faq"])
    saved = console.personas.save(before, wanted, ME)
    assert [(change.key, state) for change, state in saved.held] == [
        ("context", LostSave.OTHER),
        ("greeting", LostSave.SAVED),
        ("document_tags", LostSave.NOT_SAVED),
    ]
    assert saved.holds is LostSave.OTHER


def test_unclear_and_unreadable_is_not_known(console: Services, sandbox: RunningSandbox) -> None:
    before = console.personas.get(GUIDE)
    sandbox.faults(
        {"route": PATCH, "drop": "after"},
        {"route": f"GET /v2/personas/{GUIDE}", "status": 500, "body": {"error": "boom"}, "times": -1},
    )
    saved = console.personas.save(before, after(before, greeting="Mine."), ME, just_read=True)
    assert (saved.outcome, saved.persona, saved.holds) == (SaveOutcome.UNCLEAR, None, LostSave.UNKNOWN)
    assert [state for _, state in saved.held] == [LostSave.UNKNOWN]


def test_saved_and_not_readable_is_saved_all_the_same(console: Services, sandbox: RunningSandbox) -> None:
    before = console.personas.get(GUIDE)
    sandbox.faults({"route": f"GET /v2/personas/{GUIDE}", "status": 500, "body": {"error": "boom"}, "times": -1})
    saved = console.personas.save(before, after(before, greeting="Mine."), ME, just_read=True)
    assert (saved.outcome, saved.persona) == (SaveOutcome.SAVED, None)
    assert saved.error is not None
    sandbox.faults()
    assert origins(console)[0] is Origin.GREENROOM
    assert set(console.persona_history.drift(console.catalogue.personas(max_age_s=0)).values()) == {"in sync"}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 401, "body": {"message": "Invalid access token"}}, KeyRefused),
        ({"status": 429, "body": {"error": "slow"}, "headers": {"Retry-After": "60"}}, UpstreamError),
        ({"status": 400, "html": True}, UpstreamRejected),
    ],
)
def test_what_is_no_outcome_of_its_own_is_raised_and_nothing_is_kept(
    fault: dict[str, Any], error: type[Exception], console: Services, sandbox: RunningSandbox
) -> None:
    before = console.personas.get(GUIDE)
    sandbox.faults({"route": PATCH, **fault})
    with pytest.raises(error):
        console.personas.save(before, after(before, greeting="Mine."), ME)
    assert origins(console) == [Origin.FOUND]


def test_a_persona_that_was_deleted_meanwhile_is_told(console: Services, sandbox: RunningSandbox) -> None:
    before = console.personas.get(GUIDE)
    sandbox.call("DELETE", f"/personas/{GUIDE}")
    for just_read in (False, True):
        with pytest.raises(NotFound):
            console.personas.save(before, after(before, greeting="Mine."), ME, just_read=just_read)


def test_a_server_that_is_gone_sends_nothing(console: Services) -> None:
    before = console.personas.get(GUIDE)
    console.tavus.reach_at("http://127.0.0.1:9/v2")
    with pytest.raises(NotSent):
        console.personas.save(before, after(before, greeting="Mine."), ME)


def test_what_the_service_dropped_or_changed_is_named(console: Services, sandbox: RunningSandbox) -> None:
    before = console.personas.get(GUIDE)
    sandbox.faults({"route": PATCH, "status": 200, "body": {}})
    tts = {"tts_engine": "azure", "tts_emotion_control": True}
    wanted = after(before, greeting="Mine.", layers={**before.layers, "tts": tts})
    saved = console.personas.save(before, wanted, ME)
    assert saved.outcome is SaveOutcome.SAVED
    told = {change.key: (change.was, change.now) for change in saved.dropped}
    assert told["greeting"] == ("Mine.", before.greeting)
    # A default that is not shown when it is read applies all the same.
    assert "layers.tts.tts_emotion_control" not in told


def test_a_secret_is_sent_and_is_in_no_snapshot_log_change_or_byte_of_the_database(
    console: Services, sandbox: RunningSandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    before = console.personas.get(GUIDE)
    llm = {
        "model": "own", "base_url": f"https://me:{CANARY}@example.com/v1", "api_key": CANARY,
        "headers": {"Authorization": CANARY}, "tools": [{"name": "t", "headers": {"x": CANARY}}],
    }  # fmt: skip
    wanted = after(before, layers={**before.layers, "llm": llm, "sts": {"password": CANARY}})
    saved = [console.personas.save(before, wanted, ME)]
    assert stored(sandbox)["layers"]["llm"]["api_key"] == CANARY
    now = console.personas.get(GUIDE)
    llm = {"model": "own", "api_key": CANARY + "-2"}
    again = after(now, layers={**now.layers, "llm": llm})
    sandbox.faults({"route": PATCH, "status": 422, "body": {"message": "no"}, "times": -1})
    saved.append(console.personas.save(now, again, ME))
    sandbox.faults({"route": PATCH, "drop": "after"})
    saved.append(console.personas.save(now, again, ME))
    elsewhere(sandbox, replaced("/layers/llm/api_key", CANARY + "-3"))
    saved.append(console.personas.save(now, again, ME))
    assert [one.outcome for one in saved] == [
        SaveOutcome.SAVED, SaveOutcome.REFUSED, SaveOutcome.UNCLEAR, SaveOutcome.CONFLICT,
    ]  # fmt: skip
    assert CANARY not in "".join(map(repr, saved))
    snapshots = [console.persona_history.snapshot(one.id) for one in console.persona_history.of(GUIDE)]
    assert CANARY not in repr([(one, one.fields, one.secrets) for one in snapshots])
    assert "layers.llm.api_key" in (snapshots[0].secrets or ())
    for path in tmp_path.glob("**/*.db*"):
        assert CANARY.encode() not in path.read_bytes()
    assert CANARY not in caplog.text
    assert CANARY not in repr([one for step in guarded(now.raw, again) if step["op"] == "test" for one in step.items()])


DIRECTED: dict[str, dict[str, Any]] = {
    "a layer is added": {"layers": {"tts": {"tts_engine": "azure"}}},
    "a layer is removed": {"layers": {}},
    "all layers become null": {"layers": None},
    "a list grows and shrinks": {"document_ids": ["d3", "d1", "d4"], "guardrail_tags": []},
    "names with slashes and tildes": {"field/of~2027": {"a/b": [{"~": 1}, None]}},
    "texts of every kind": {"context": 'שלום 🦊 " \\ \n' * 50, "greeting": "<img src=x onerror=alert(1)>"},
    "a null and a zero": {"greeting": None, "odd": 0, "odder": False},
}


@pytest.mark.parametrize("what", DIRECTED)
def test_a_patch_through_the_wire_gives_what_was_asked(what: str, console: Services, sandbox: RunningSandbox) -> None:
    start = {
        "persona_name": "A", "system_prompt": "You are.", "greeting": "Hi", "document_ids": ["d1", "d2", "d3"],
        "layers": {"llm": {"model": "own", "tools": [{"name": "a"}, {"name": "b"}]}}, "odd": {"er": [1, 2]},
    }  # fmt: skip
    persona_id = sandbox.call("POST", "/personas", start).json()["persona_id"]
    before = console.personas.get(persona_id)
    wanted = after(before, **DIRECTED[what])
    saved = console.personas.save(before, wanted, ME)
    assert saved.outcome is SaveOutcome.SAVED, saved.error
    assert saved.dropped == ()
    assert content_of(stored(sandbox, persona_id)).fields == content_of(wanted).fields


def test_a_persona_that_is_made_begins_its_history(console: Services, sandbox: RunningSandbox) -> None:
    made = console.personas.create({"persona_name": "Otter", "system_prompt": "You know otters."}, ME)
    (only,) = console.persona_history.of(made.id)
    assert (only.origin, only.actor, only.reason, only.name) == (Origin.GREENROOM, "console", "Because.", "Otter")
    sandbox.faults({"route": "GET /v2/personas/*", "status": 500, "body": {"error": "boom"}, "times": -1})
    unread = console.personas.create({"persona_name": "Beaver", "system_prompt": "You know beavers."}, ME)
    assert origins(console, unread.id) == [Origin.GREENROOM]


def test_restore_saves_the_older_content_leaves_secrets_and_makes_a_new_snapshot(
    console: Services, sandbox: RunningSandbox
) -> None:
    first = console.personas.get(GUIDE)
    console.catalogue.personas()
    (old,) = console.persona_history.of(GUIDE)
    layers = {**first.layers, "llm": {**branch(first.layers, "llm"), "api_key": CANARY, "model": "own"}}
    console.personas.save(first, after(first, greeting="Newer.", layers=layers, document_tags=["x"]), ME)
    saved = console.personas.restore(GUIDE, old.id, By("console", "It was better.", Origin.RESTORE))
    assert saved.outcome is SaveOutcome.SAVED
    now = stored(sandbox)
    assert now["layers"]["llm"]["api_key"] == CANARY
    expected = content_of({**first.raw, "layers": {**first.layers, "llm": first.layers.get("llm", {})}}).fields
    assert content_of(now).fields == expected
    newest, *rest = console.persona_history.of(GUIDE)
    assert (newest.origin, newest.reason) == (Origin.RESTORE, "It was better.")
    assert len(rest) == 2
    with pytest.raises(NotFound):
        console.personas.restore(GUIDE, 999_999)


def test_a_persona_deleted_here_is_made_anew_with_its_history_and_agents_are_asked_about(
    services: Services, sandbox: RunningSandbox
) -> None:
    agents = [demo(services, name=name) for name in ("One", "Two")]
    other = demo(services, name="Three", persona_id=BUYER)
    before = services.personas.get(GUIDE)
    saved = services.personas.save(before, after(before, greeting="Last words."), ME)
    services.personas.delete(GUIDE, By("console", "By mistake."))
    (gone,) = services.persona_history.removed()
    assert (gone.persona_id, gone.origin, gone.reason) == (GUIDE, Origin.DELETED, "By mistake.")
    assert services.persona_history.deleted(services.catalogue.personas(max_age_s=0)) == ()
    anew = services.personas.recreate(gone.id)
    assert anew.persona.id != GUIDE
    assert saved.persona is not None
    assert content_of(anew.persona.raw) == content_of(saved.persona.raw)
    assert {agent.id for agent in anew.agents} == {agent.id for agent in agents}
    assert origins(services, anew.persona.id) == [Origin.RESTORE, Origin.DELETED, Origin.GREENROOM, Origin.FOUND]
    assert services.persona_history.removed() == ()
    assert services.persona_history.successor(GUIDE) == anew.persona.id
    moved = services.personas.repoint(GUIDE, anew.persona.id, [agents[0].id, other.id])
    assert [agent.id for agent in moved] == [agents[0].id]
    assert services.agents.get(agents[1].id).persona_id == GUIDE
    assert services.agents.get(other.id).persona_id == BUYER
    with pytest.raises(Conflict, match="not deleted"):
        services.personas.recreate(gone.id)
    services.personas.delete(anew.persona.id)
    third = services.personas.recreate(gone.id)
    assert services.persona_history.chain(third.persona.id) == (third.persona.id, anew.persona.id, GUIDE)
    assert {agent.id for agent in third.agents} == {agent.id for agent in agents}


def test_making_anew_names_the_secrets_that_must_be_set_again(console: Services, sandbox: RunningSandbox) -> None:
    fields = {"persona_name": "Own", "system_prompt": "x", "layers": {"llm": {"model": "own", "api_key": CANARY}}}
    made = console.personas.create(fields)
    (only,) = console.persona_history.of(made.id)
    assert sandbox.call("DELETE", f"/personas/{made.id}").status_code == 204
    anew = console.personas.recreate(only.id)
    assert anew.unset == ("layers.llm.api_key",)
    assert "api_key" not in stored(sandbox, anew.persona.id)["layers"]["llm"]


@pytest.mark.parametrize("how", [{"drop": "after"}, {"status": 500, "body": {"error": "boom"}, "act": True}])
def test_a_deletion_whose_answer_was_lost_is_found_done(
    how: dict[str, Any], console: Services, sandbox: RunningSandbox
) -> None:
    sandbox.faults({"route": f"DELETE /v2/personas/{GUIDE}", **how})
    console.personas.delete(GUIDE, ME)
    assert [gone.persona_id for gone in console.persona_history.removed()] == [GUIDE]


def test_a_deletion_that_was_not_done_is_no_deletion(console: Services, sandbox: RunningSandbox) -> None:
    sandbox.faults({"route": f"DELETE /v2/personas/{GUIDE}", "status": 500, "body": {"error": "boom"}})
    with pytest.raises(Ambiguous):
        console.personas.delete(GUIDE, ME)
    assert console.persona_history.removed() == ()
    with pytest.raises(NotFound):
        console.personas.delete("p000000000000", ME)


def test_a_stock_persona_is_refused_by_tavus_and_has_no_history(console: Services) -> None:
    stock = console.personas.get(COACH)
    saved = console.personas.save(stock, after(stock, greeting="Mine."), ME)
    assert saved.outcome is SaveOutcome.REFUSED
    assert console.persona_history.of(COACH) == []


def test_a_save_goes_through_while_the_history_can_not_be_written(
    console: Services, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    before = console.personas.get(GUIDE)
    with console.store.writing() as connection:
        connection.exec_driver_sql("DROP TABLE snapshots")
    saved = console.personas.save(before, after(before, greeting="Mine."), ME)
    assert saved.outcome is SaveOutcome.SAVED
    assert saved.unrecorded is not None
    assert stored(sandbox)["greeting"] == "Mine."
    assert "could not be kept" in caplog.text


def test_a_raw_patch_is_sent_as_it_is_and_kept(console: Services, sandbox: RunningSandbox) -> None:
    steps = [replaced("/persona_name", "By patch")]
    saved = console.personas.patch(GUIDE, steps, By("api"))
    assert (saved.outcome, [change.label for change in saved.changes]) == (SaveOutcome.SAVED, ["Name"])
    assert services_newest(console).actor == "api"
    # A `test` of the caller's own that fails is the caller's to hear of: it is never left away.
    own = [{"op": "test", "path": "/persona_name", "value": "Not this"}, replaced("/persona_name", "Overwritten")]
    refused = console.personas.patch(GUIDE, own, By("api"))
    assert refused.outcome is SaveOutcome.REFUSED
    assert stored(sandbox)["persona_name"] == "By patch"
    newer = console.personas.patch(GUIDE, [replaced("/pal_name", "In newer words")], By("api"))
    assert newer.outcome is SaveOutcome.SAVED
    assert stored(sandbox)["persona_name"] == "In newer words"


def services_newest(services: Services, persona_id: str = GUIDE) -> Any:
    return services.persona_history.of(persona_id, limit=1)[0]


def test_an_outcome_without_a_page_is_an_error_or_itself() -> None:
    assert PersonaSaved(SaveOutcome.SAVED).checked().outcome is SaveOutcome.SAVED
    with pytest.raises(Conflict, match="meanwhile"):
        PersonaSaved(SaveOutcome.CONFLICT).checked()
