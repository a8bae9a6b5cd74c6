"""Applying files over real HTTP: the smallest guarded patch, each outcome in words, and nothing sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.models import Origin
from lib.services.personas import files
from lib.services.personas.applying import Done, apply
from lib.services.personas.content import content_of
from lib.services.personas.plan import Act, PersonasPlan, plan
from lib.services.personas.rows import sendable
from lib.services.personas.service import By
from lib.wiring import Services
from tests.house import GUIDE, fault, house, log
from tests.sandbox_server import RunningSandbox
from tests.services.personas.rows import optional
from tests.services.personas.test_yaml_text import TEXTS

BY = By(actor="sam", reason="spring", origin=Origin.FILE)
CANARY = "sk-canary-77c0E"
TEXT = "persona_name: Warm product guide\ngreeting: Welcome.\nlayers: {tts: {tts_emotion_control: false}}\n"


@pytest.fixture
def services(sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Services]:
    sandbox.reset()
    sandbox.faults()
    with house(sandbox.url, tmp_path) as built:
        yield built


def planned(services: Services, *texts: str, **how: Any) -> PersonasPlan:
    sources = [files.read(f"{number}.yaml", text.encode()) for number, text in enumerate(texts)]
    return plan(sources, services.catalogue.personas(max_age_s=0).items, **how)


def applied(services: Services, *texts: str, **how: Any) -> list[Done]:
    return list(apply(planned(services, *texts, **how), services.personas, BY, **how))


def only(done: list[Done]) -> Done:
    (one,) = done
    return one


def writes(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    return [entry for entry in log(sandbox.url) if entry["method"] != "GET"]


def test_the_smallest_guarded_patch_is_sent_and_kept_in_the_history(
    services: Services, sandbox: RunningSandbox
) -> None:
    done = only(applied(services, TEXT))
    assert (done.ok, done.told) == (True, "Changed.")
    (entry,) = writes(sandbox)
    assert [(one["op"], one["path"], one["value"]) for one in entry["body"]] == [
        ("test", "/layers/tts/tts_emotion_control", True),
        ("test", "/greeting", "Hello, I'm Anna. I can show you around. What are you hoping to get done?"),
        ("replace", "/layers/tts/tts_emotion_control", False),
        ("replace", "/greeting", "Welcome."),
    ]
    newest = services.persona_history.newest(GUIDE)
    assert newest is not None
    assert (newest.origin, newest.actor, newest.reason) == (Origin.FILE, "sam", "spring")


def test_a_second_apply_sends_nothing(services: Services, sandbox: RunningSandbox) -> None:
    text = "persona_name: New\nsystem_prompt: You are new.\ncontext: ''\npipeline_mode: full\n"
    assert [done.ok for done in applied(services, TEXT, text)] == [True, True]
    seen = len(writes(sandbox))
    again = applied(services, TEXT, text)
    assert [(done.step.act, done.ok) for done in again] == [(Act.NOTHING, True)] * 2
    assert len(writes(sandbox)) == seen == 2


SENDABLE = TEXTS.filter(sendable)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-1, 1) | SENDABLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SENDABLE, inner, max_size=3),
    max_leaves=8,
)
VALID = optional(
    system_prompt=SENDABLE.filter(str.strip),
    context=SENDABLE,
    greeting=SENDABLE | st.none(),
    document_tags=st.lists(SENDABLE, max_size=3),
    unknown=ANYTHING,
    another=ANYTHING,
    layers=optional(
        llm=optional(model=st.sampled_from(["own", "tavus-gpt-oss"]), speculative_inference=st.booleans(),
                     extra_body=st.fixed_dictionaries({}, optional={"seed": st.integers(0, 9), "x": ANYTHING}),
                     api_key=st.just(CANARY), tools=st.lists(ANYTHING, max_size=2)),
        stt=optional(hotwords=SENDABLE, stt_engine=st.sampled_from(["tavus-auto", "tavus-whisper"])),
        conversational_flow=optional(turn_taking_patience=st.sampled_from(["low", "medium", "high"])),
        later=st.dictionaries(st.text("ab", min_size=1), ANYTHING, max_size=2),
    ),
)  # fmt: skip


@settings(
    max_examples=40, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)  # fmt: skip
@given(VALID, VALID, st.booleans())
def test_applying_any_file_twice_sends_nothing_the_second_time_and_no_secret_is_lost(
    services: Services, sandbox: RunningSandbox, was: dict[str, Any], wanted: dict[str, Any], ids: bool
) -> None:
    sandbox.reset(stock=False)
    row = {"system_prompt": "You are.", **was, "persona_name": "Any"}
    made = sandbox.call("POST", "/personas", row)
    assert made.ok, made.text
    text = files.text(content_of({**wanted, "persona_name": "Any"}), base=False, ids=ids)
    first = only(applied(services, text))
    assert first.ok, first
    seen = len(writes(sandbox))
    again = only(applied(services, text))
    assert (again.step.act, again.step.changes) == (Act.NOTHING, ())
    assert len(writes(sandbox)) == seen
    stored = sandbox.call("GET", f"/personas/{made.json()['persona_id']}").json()
    assert content_of(stored).secrets == content_of(row).secrets


def test_what_was_left_alone_is_still_to_be_taken_over_after_an_apply(
    services: Services, sandbox: RunningSandbox
) -> None:
    row = sandbox.call("GET", f"/personas/{GUIDE}").json()
    text = files.text(content_of(row), ids=True).replace("greeting: Hello", "greeting: Well, hello")
    sandbox.call("PATCH", f"/personas/{GUIDE}", [{"op": "replace", "path": "/context", "value": "Changed there."}])
    done = only(applied(services, text))
    assert done.ok
    assert done.base is not None
    raw = files.rebased(text.encode(), files.read("0.yaml", text.encode()).lines, done.base)
    assert raw is not None
    again = only(applied(services, raw.decode()))
    assert (again.step.act, again.step.left) == (Act.NOTHING, (("context",),))
    assert sandbox.call("GET", f"/personas/{GUIDE}").json()["context"] == "Changed there."


def test_one_that_tavus_refuses_does_not_keep_the_others_from_being_done(
    services: Services, sandbox: RunningSandbox
) -> None:
    other = "persona_name: Sceptical buyer\ngreeting: Yes?\n"
    bad = "persona_name: Bad\nsystem_prompt: x\nlayers: {tts: {tts_engine: azure, tts_model_name: x}}\n"
    fault(sandbox.url, f"PATCH /v2/personas/{GUIDE}", status=400, body={"error": "No such thing."})
    done = applied(services, TEXT, bad, other)
    assert [one.ok for one in done] == [False, False, True]
    assert "No such thing." in done[0].told
    assert "Not sent" in done[1].told
    assert sandbox.call("GET", "/personas/p7d1e04c55a8").json()["greeting"] == "Yes?"


def test_a_refused_key_ends_it_as_every_other_request_would_fail_too(
    services: Services, sandbox: RunningSandbox
) -> None:
    new = "persona_name: New\nsystem_prompt: x\n"
    steps = planned(services, TEXT, "persona_name: Sceptical buyer\ngreeting: Yes?\n", new)
    seen = len(log(sandbox.url))
    fault(sandbox.url, "* /v2/personas*", status=401, body={"message": "Invalid access token"}, times=-1)
    done = list(apply(steps, services.personas, BY))
    assert "refused the key" in done[0].told
    assert [one.told for one in done[1:]] == ["Not tried, for the same reason."] * 2
    assert len(log(sandbox.url)) == seen + 1


def test_a_creation_whose_answer_was_lost_is_not_sent_again_and_the_next_plan_knows(
    services: Services, sandbox: RunningSandbox
) -> None:
    text = "persona_name: New\nsystem_prompt: You are new.\n"
    fault(sandbox.url, "POST /v2/personas", drop="after")
    done = only(applied(services, text))
    assert not done.ok
    assert "It may have been made. Plan again" in done.told
    assert only(applied(services, text)).step.act is Act.NOTHING
    assert len(writes(sandbox)) == 1


def test_a_change_whose_answer_was_lost_is_read_back(services: Services, sandbox: RunningSandbox) -> None:
    fault(sandbox.url, "PATCH /v2/personas/*", drop="after")
    done = only(applied(services, TEXT))
    assert done.ok
    assert "it holds" in done.told
    fault(sandbox.url, "PATCH /v2/personas/*", drop="before")
    done = only(applied(services, TEXT.replace("Welcome", "Hello")))
    assert not done.ok
    assert "nothing of it holds" in done.told


def test_a_change_made_at_tavus_while_it_ran_is_not_written_over(services: Services, sandbox: RunningSandbox) -> None:
    steps = planned(services, TEXT)
    sandbox.call("PATCH", f"/personas/{GUIDE}", [{"op": "replace", "path": "/greeting", "value": "Theirs."}])
    done = only(list(apply(steps, services.personas, BY)))
    assert not done.ok
    assert "changed at Tavus meanwhile (Greeting)" in done.told
    assert sandbox.call("GET", f"/personas/{GUIDE}").json()["greeting"] == "Theirs."


def test_unpublished_changes_in_pal_maker_are_only_discarded_by_overwrite(
    services: Services, sandbox: RunningSandbox
) -> None:
    sandbox.control("drafts", {"persona_id": GUIDE})
    done = only(applied(services, TEXT))
    assert not done.ok
    assert "PAL Maker" in done.told
    assert only(applied(services, TEXT, overwrite=True)).told == "Changed."


def test_stopping_leaves_the_rest_untried_and_says_so(services: Services, sandbox: RunningSandbox) -> None:
    steps = planned(services, TEXT, "persona_name: Sceptical buyer\ngreeting: Yes?\n")
    done = list(apply(steps, services.personas, BY, stopped=lambda: bool(writes(sandbox))))
    assert [(one.ok, one.told) for one in done] == [(True, "Changed."), (False, "Not tried: stopped before it.")]
    assert len(writes(sandbox)) == 1


def test_what_tavus_adds_to_a_new_persona_is_no_loss_and_what_it_keeps_otherwise_is_named(
    services: Services, sandbox: RunningSandbox
) -> None:
    text = "persona_name: New\nsystem_prompt: You are new.\nlayers: {stt: {hotwords: Roey}}\n"
    assert only(applied(services, text)).notes == ()
    row = {"persona_id": "p1", "persona_name": "Other", "system_prompt": "You are new.", "layers": {}}
    fault(sandbox.url, "GET /v2/personas/*", body=row)
    notes = only(applied(services, text.replace("New", "Other", 1))).notes
    assert notes == ("Tavus keeps otherwise than it was sent: Hearing, words to expect.",)
