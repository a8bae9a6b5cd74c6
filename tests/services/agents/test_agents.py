"""Agents: what is sent for them, what they lack before a start, which replica they may wear, a deletion taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from lib.errors import BadInput, Conflict, NotFound
from lib.models import CallSettings, Status
from lib.services.agents.call_settings import LABELS
from lib.services.agents.languages import CODES, LANGUAGES
from lib.services.agents.readiness import AgentPiece, Known
from lib.services.agents.service import standing
from lib.services.catalogue.replicas import ERRORS, condition, plainly
from lib.store.schema import agents as table
from lib.wiring import Services
from tests.house import ANNA, GUIDE, KEY, LUCAS, demo, house, log, reaches
from tests.sandbox_server import RunningSandbox, eventually

CREATE = "POST /v2/conversations"
S3 = {
    "provider": "s3",
    "bucket_name": "recordings",
    "bucket_region": "eu-north-1",
    "assume_role_arn": "arn:aws:iam::123456789012:role/Writer",
}


@pytest.fixture
def services(sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Services]:
    with house(sandbox.url, tmp_path) as made:
        yield made


def sent(services: Services, sandbox: RunningSandbox, call: CallSettings) -> dict[str, Any]:
    """The body that really went out for an agent with these settings."""
    before = len(log(sandbox.url, CREATE))
    session = services.sessions.start_and_wait(demo(services, call=call).id, token=f"t{before}")
    assert reaches(services, session, Status.WAITING, Status.LIVE).reason == ""
    bodies = [entry["body"] for entry in log(sandbox.url, CREATE) if entry["path"] == "/v2/conversations"]
    services.sessions.end(session.id)
    body: dict[str, Any] = bodies[-1]
    return body


TIMERS = {"max_call_duration": 600, "participant_absent_timeout": 120, "participant_left_timeout": 30}
SETTINGS: list[tuple[CallSettings, dict[str, Any], dict[str, Any]]] = [
    (CallSettings(), {}, {}),
    (CallSettings(language="German"), {}, {"language": "German"}),
    (CallSettings(max_call_s=90), {}, {"max_call_duration": 90}),
    (CallSettings(absent_s=45, left_s=0), {}, {"participant_absent_timeout": 45, "participant_left_timeout": 0}),
    (CallSettings(greeting="Hallo"), {"custom_greeting": "Hallo"}, {}),
    (CallSettings(context="Late."), {"conversational_context": "Late."}, {}),
    (CallSettings(document_ids=("d1-a", "d2-b")), {"document_ids": ["d1-a", "d2-b"]}, {}),
    (CallSettings(document_tags=("sales",)), {"document_tags": ["sales"]}, {}),
    (CallSettings(document_retrieval_strategy="speed"), {"document_retrieval_strategy": "speed"}, {}),
    (CallSettings(recording=True), {}, {"enable_recording": True}),
    (CallSettings(recording=True, recording_storage=S3), {}, {"enable_recording": True, "recording_storage": S3}),
    (CallSettings(recording=False, recording_storage=S3), {}, {}),
    (CallSettings(captions=True), {}, {"enable_closed_captions": True}),
    (CallSettings(greenscreen=True), {}, {"apply_greenscreen": True}),
    (CallSettings(audio_only=True), {"audio_only": True}, {}),
    (CallSettings(private_room=True), {"require_auth": True}, {}),
    (CallSettings(unknown={"from_a_later_greenroom": True}), {}, {}),
]


@pytest.mark.parametrize(("call", "top", "properties"), SETTINGS, ids=[str(s[1:]) for s in SETTINGS])
def test_each_setting_is_sent_by_its_official_name_and_nothing_else_is(
    call: CallSettings, top: dict[str, Any], properties: dict[str, Any], services: Services, sandbox: RunningSandbox
) -> None:
    body = sent(services, sandbox, call)
    assert body.pop("conversation_name")
    assert body == {"persona_id": GUIDE, "replica_id": ANNA, "properties": {**TIMERS, **properties}, **top}


def test_no_agent_goes_above_the_limits_of_the_installation_even_where_they_were_lowered(
    services: Services, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    for call in (CallSettings(max_call_s=601), CallSettings(absent_s=121), CallSettings(left_s=31)):
        with pytest.raises(BadInput, match=r"(Limit|nobody joins|everyone left): .* to (10 min|2 min|30 s)"):
            services.agents.create(name="Long", call=call)
    assert services.agents.all() == []
    agent = demo(services, call=CallSettings(max_call_s=600, absent_s=120, left_s=30))
    with house(sandbox.url, tmp_path, max_call_s=300, absent_timeout_s=60, left_timeout_s=10) as lowered:
        session = lowered.sessions.start_and_wait(agent.id, token="t")
        body = log(sandbox.url, CREATE)[-1]["body"]
        assert body["properties"] == {
            "max_call_duration": 300,
            "participant_absent_timeout": 60,
            "participant_left_timeout": 10,
        }
        assert session.max_call_s == 300
        found = lowered.agents.missing(agent, lowered.catalogue.personas(), lowered.catalogue.replicas())
        assert [(item.code, item.blocks) for item in found] == [("limit_lowered", False)] * 3
        lowered.sessions.end(session.id)


BAD: list[tuple[CallSettings, str]] = [
    (CallSettings(max_call_s=29), "Limit"),
    (CallSettings(absent_s=14), "nobody joins"),
    (CallSettings(left_s=-1), "everyone left"),
    (CallSettings(greeting="x" * 10_001), "10,001 characters"),
    (CallSettings(document_ids=tuple(map(str, range(51)))), "51 entries"),
    (CallSettings(document_tags=("x" * 201,)), "200 characters"),
    (CallSettings(document_retrieval_strategy="fast"), "speed, balanced, quality"),
    (CallSettings(recording_storage={"bucket_name": "x"}), "provider is one of s3, gcs, azure_blob"),
    (CallSettings(recording_storage={**S3, "bucket_region": " "}), "s3 needs bucket_region"),
    (CallSettings(recording_storage={**S3, "tenant_id": "x"}), "tenant_id is not used with s3"),
    (CallSettings(recording_storage={**S3, "secret_access_key": "x"}), "secret_access_key is not used with s3"),
]


@pytest.mark.parametrize(("call", "told"), BAD, ids=[told for _, told in BAD])
def test_a_wrong_setting_is_named_and_nothing_is_written(call: CallSettings, told: str, services: Services) -> None:
    agent = demo(services)
    with pytest.raises(BadInput, match=told) as caught:
        services.agents.update(agent.id, name="Renamed", call=call)
    assert "Nothing was changed" in caught.value.hint
    assert services.agents.get(agent.id) == agent


def test_what_is_typed_is_tidied(services: Services) -> None:
    call = CallSettings(language=" German ", document_ids=(" d1 ", "", "d1", "d2"), recording_storage={**S3, "x": " "})
    kept = services.agents.add(name=" Demo ", call=call)
    assert kept.name == "Demo"
    assert kept.call.language == "German"
    assert kept.call.document_ids == ("d1", "d2")
    assert kept.call.recording_storage == S3
    assert services.agents.get(kept.id) == kept


def test_settings_that_a_later_greenroom_stored_survive_an_edit(services: Services) -> None:
    agent = demo(services, call=CallSettings(language="German"))
    with services.store.writing() as connection:
        stored = connection.execute(select(table.c.call).where(table.c.id == agent.id)).scalar_one()
        stored |= {"background": {"image": "office"}, "max_participants": 3}
        connection.execute(update(table).where(table.c.id == agent.id).values(call=stored))
    read = services.agents.get(agent.id)
    services.agents.update(agent.id, name="Renamed", call=replace(read.call, language="French"))
    with services.store.reading() as connection:
        after = connection.execute(select(table.c.call).where(table.c.id == agent.id)).scalar_one()
    assert after == {**json.loads(json.dumps(stored)), "language": "French"}


def test_an_agent_of_an_older_greenroom_is_read(services: Services) -> None:
    agent = demo(services)
    with services.store.writing() as connection:
        connection.execute(update(table).where(table.c.id == agent.id).values(call={"language": "German"}))
    assert services.agents.get(agent.id).call == CallSettings(language="German")


# Which replica


def trained(sandbox: RunningSandbox, **fields: Any) -> str:
    row = {"replica_name": "Mine", "train_image_url": "https://example.org/a.png", "voice_name": "anna", **fields}
    answer = sandbox.call("POST", "/replicas", row)
    assert answer.ok, answer.text
    return str(answer.json()["replica_id"])


def failed(sandbox: RunningSandbox) -> str:
    made = trained(sandbox, train_image_url="https://nowhere.invalid/a.png")
    sandbox.advance(60)
    eventually(lambda: sandbox.call("GET", f"/replicas/{made}").json()["status"] == "error")
    return made


def test_a_replica_that_can_not_be_worn_is_refused_with_a_reason_and_the_agent_stays(
    services: Services, sandbox: RunningSandbox
) -> None:
    sandbox.freeze()
    agent = demo(services)
    in_training = trained(sandbox)
    for replica_id, code, told in (
        ("rgone0000000", "replica_gone", "There is no replica"),
        (in_training, "replica_training", "Mine can’t be put on an agent. Still in training"),
    ):
        for write in (
            partial(services.agents.update, agent.id, name="Renamed"),
            partial(services.agents.create, name="New"),
        ):
            with pytest.raises(BadInput, match=told) as caught:
                write(replica_id=replica_id)
            assert caught.value.code == code
            assert "Nothing was changed" in caught.value.hint
    assert services.agents.all() == [agent]


def test_a_replica_whose_training_failed_is_refused_with_its_error_in_plain_words(
    services: Services, sandbox: RunningSandbox
) -> None:
    broken = failed(sandbox)
    with pytest.raises(BadInput, match="could not download the training file") as caught:
        services.agents.create(name="New", replica_id=broken)
    assert "anyone can open" in caught.value.hint
    agent = demo(services, replica_id=broken)
    (lacks,) = services.agents.missing(agent, services.catalogue.personas(), services.catalogue.replicas())
    assert (lacks.code, lacks.blocks) == ("replica_error", True)
    assert lacks.message == "Its replica is not ready. Tavus could not download the training file"
    assert services.agents.update(agent.id, name="Still editable").replica_id == broken
    assert services.agents.update(agent.id, replica_id=LUCAS).replica_id == LUCAS


def test_where_tavus_can_not_be_asked_an_agent_is_prepared_all_the_same(
    services: Services, sandbox: RunningSandbox
) -> None:
    sandbox.faults({"route": "GET /v2/replicas/*", "status": 401, "times": -1})
    assert services.agents.create(name="Prepared", replica_id=LUCAS).replica_id == LUCAS


def test_a_replica_is_looked_at_only_when_it_is_a_new_one(services: Services, sandbox: RunningSandbox) -> None:
    def looks() -> list[str]:
        return [route for route in sandbox.routes() if "replicas" in route]

    agent = demo(services)
    services.agents.update(agent.id, name="Renamed", replica_id=ANNA)
    services.agents.update(agent.id, replica_id="")
    assert looks() == []
    services.agents.update(agent.id, replica_id=LUCAS)
    assert looks() == [f"GET /v2/replicas/{LUCAS}"]


@pytest.mark.parametrize("row", ERRORS, ids=[row[0] for row in ERRORS])
def test_each_training_error_has_plain_words_by_its_code(row: tuple[str, str, str, str]) -> None:
    told, hint = plainly(row[0])
    assert told and hint
    assert "_" not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("There was an issue downloading your training file. Check that the link is public.", "could not download"),
        ("The video file you provided exceeds the maximum file size allowed.", "larger than 750 MB"),
        ("There was an issue processing your training video. The video provided is not a .mp4 file.", "not an .mp4"),
        ("The video provided is not encoded using h.264. Please ensure it is a .mp4 file", "not encoded as H.264"),
        ("More than one face detected or obstructions present.", "More than one face"),
        ("Something new happened", "The training failed: Something new happened"),
        ("", "Tavus does not say why"),
    ],
)
def test_a_training_error_is_recognised_by_its_text_and_an_unknown_one_is_quoted(text: str, told: str) -> None:
    assert told in plainly(text)[0]


def test_the_condition_of_a_replica_tells_its_progress(services: Services, sandbox: RunningSandbox) -> None:
    sandbox.freeze()
    made = trained(sandbox)
    sandbox.advance(4)
    found = condition(services.tavus.replicas.get(replica_id=made))
    assert (found.state, found.progress, found.wearable) == ("training", 50, False)
    assert found.words == "Still in training, 50 % done"
    assert condition(services.tavus.replicas.get(replica_id=ANNA)).wearable


# What it lacks


def codes(services: Services, **changes: Any) -> list[str]:
    known = Known(services.catalogue.personas(max_age_s=0), services.catalogue.replicas(max_age_s=0))
    agent = demo(services, **changes)
    lacking = services.agents.missing(agent, known.personas, known.replicas)
    pieces = {
        "no_replica": AgentPiece.REPLICA,
        "language_unspoken": AgentPiece.LANGUAGE,
        "limit_lowered": AgentPiece.LIMITS,
    }
    assert all(item.piece is pieces.get(item.code, item.piece) for item in lacking)
    return [item.code for item in lacking]


def persona(sandbox: RunningSandbox, **layers: Any) -> str:
    row = {"persona_name": "P", "system_prompt": "You are a guide.", "default_replica_id": ANNA, "layers": layers}
    answer = sandbox.call("POST", "/personas", row)
    assert answer.ok, answer.text
    return str(answer.json()["persona_id"])


@pytest.mark.parametrize(
    ("layers", "language", "expected"),
    [
        ({}, "German", []),
        ({}, "Klingon", ["language_unspoken"]),
        ({}, "multilingual", []),
        ({"stt": {"stt_engine": "tavus-deepgram-medical"}}, "German", ["language_unspoken"]),
        ({"stt": {"stt_engine": "tavus-deepgram-medical"}}, "English", []),
        ({"stt": {"stt_engine": "tavus-deepgram-medical"}}, "", []),
        ({"stt": {"stt_engine": "tavus-parakeet"}}, "Ukrainian", []),
        ({"stt": {"stt_engine": "tavus-parakeet"}}, "Hindi", ["language_unspoken"]),
        ({"stt": {"stt_engine": "tavus-parakeet"}}, "multilingual", ["language_unspoken"]),
        ({"stt": {"stt_engine": "tavus-soniox"}}, "multilingual", []),
        ({"tts": {"tts_engine": "elevenlabs", "tts_model_name": "eleven_turbo_v2"}}, "German", ["language_unspoken"]),
        ({"tts": {"tts_engine": "elevenlabs", "tts_model_name": "eleven_turbo_v2_5"}}, "German", []),
        ({"tts": {"tts_engine": "cartesia", "tts_model_name": "sonic-2"}}, "Arabic", []),
        (
            {"tts": {"tts_engine": "cartesia", "tts_model_name": "sonic-2", "external_voice_id": "v"}},
            "Arabic",
            ["language_unspoken"],
        ),
        ({"tts": {"tts_engine": "azure", "external_voice_id": "de-DE-KatjaNeural"}}, "German", []),
        ({"tts": {"tts_engine": "azure", "external_voice_id": "de-DE-KatjaNeural"}}, "English", ["language_unspoken"]),
        ({"tts": {"tts_engine": "azure", "external_voice_id": "en-US-AvaMultilingualNeural"}}, "German", []),
        ({"tts": {"tts_engine": "azure", "external_voice_id": "nb-NO-FinnNeural"}}, "Norwegian", []),
    ],
)  # fmt: skip
def test_a_language_is_doubted_only_where_the_documents_speak_against_it(
    layers: dict[str, Any], language: str, expected: list[str], services: Services, sandbox: RunningSandbox
) -> None:
    made = persona(sandbox, **layers)
    assert codes(services, persona_id=made, call=CallSettings(language=language)) == expected


def test_a_persona_that_was_here_is_said_to_be_deleted_and_another_one_to_be_none_of_ours(
    services: Services, sandbox: RunningSandbox
) -> None:
    made = persona(sandbox)
    assert codes(services, persona_id=made) == []
    sandbox.call("DELETE", f"/personas/{made}")
    assert codes(services, persona_id=made) == ["persona_deleted"]
    assert codes(services, persona_id="pnever") == ["persona_gone"]
    agent = demo(services, persona_id=made)
    (lacks,) = services.agents.missing(agent, services.catalogue.personas(), services.catalogue.replicas())
    assert (lacks.message, lacks.blocks) == ("Its persona P was deleted", True)


def test_a_list_that_did_not_come_whole_lets_nothing_be_said_to_be_gone(services: Services) -> None:
    personas, replicas = services.catalogue.personas(), services.catalogue.replicas()
    agent = demo(services, persona_id="pgone", replica_id="rgone")
    lacking = services.agents.missing(agent, personas, replicas)
    assert [item.piece for item in lacking] == [AgentPiece.PERSONA, AgentPiece.REPLICA]
    partly = replace(personas, complete=False), replace(replicas, complete=False)
    assert services.agents.missing(agent, *partly) == []


def test_recording_without_a_storage_is_said_before_a_call(services: Services) -> None:
    assert codes(services, call=CallSettings(recording=True)) == ["recording_nowhere"]
    assert codes(services, call=CallSettings(recording=True, recording_storage=S3)) == []


def test_an_agent_stands_where_the_worst_of_what_it_lacks_puts_it(services: Services) -> None:
    known = Known(services.catalogue.personas(), services.catalogue.replicas())
    agents = {
        "ready": demo(services),
        "look": demo(services, persona_id=""),
        "blocked": demo(services, persona_id="", replica_id="rgone"),
    }
    judged = services.agents.judged(list(agents.values()), known)
    assert {name: standing(judged[agent.id], known) for name, agent in agents.items()} == {
        name: name for name in agents
    }
    assert standing([], Known(None, known.replicas)) == "unknown"
    assert services.agents.judged(list(agents.values()), known) is judged
    gone = Known(replace(known.personas, items=()), known.replicas) if known.personas else known
    assert services.agents.judged(list(agents.values()), gone)[agents["ready"].id][0].code == "persona_deleted"


# A deletion taken back


def test_a_deletion_is_taken_back_with_id_settings_and_dates(services: Services) -> None:
    agent = demo(services, call=CallSettings(language="German", unknown={"later": 1}))
    services.agents.delete(agent.id)
    with pytest.raises(NotFound):
        services.agents.get(agent.id)
    assert services.agents.restore(agent) == agent
    assert services.agents.get(agent.id) == agent
    with pytest.raises(Conflict):
        services.agents.restore(agent)
    assert services.agents.all() == [agent]


def test_the_form_names_every_setting_and_the_languages_are_those_of_tavus() -> None:
    assert set(LABELS) == set(CallSettings.__dataclass_fields__) - {"unknown"}
    assert len(LANGUAGES) == len(set(CODES.values())) == 42


def test_no_key_is_in_what_is_kept(services: Services) -> None:
    demo(services, call=CallSettings(recording=True, recording_storage=S3))
    with services.store.reading() as connection:
        assert KEY not in str(connection.execute(select(table)).all())
