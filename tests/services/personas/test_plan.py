"""What applying files would do: create, patch, nothing, conflict, refused; never more than the file names."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given

from lib.models import Persona
from lib.services.personas import files
from lib.services.personas.content import content_of, older
from lib.services.personas.files import FileRefused, PersonaFile
from lib.services.personas.plan import Act, PersonasPlan, PlanStep, plan
from lib.services.personas.rows import ABSENT, get, put
from tests.services.personas.rows import PROPERTY, older_pairs
from tests.services.personas.test_files import ROWS

CANARY = "sk-canary-91fB2"
GUIDE: dict[str, Any] = {
    "persona_id": "p1",
    "pal_id": "p1",
    "persona_type": "user",
    "persona_name": "Guide",
    "pal_name": "Guide",
    "system_prompt": "You are a guide.",
    "context": "",
    "greeting": "Hello",
    "default_replica_id": "r1",
    "layers": {
        "llm": {"model": "own", "api_key": CANARY, "speculative_inference": False},
        "tts": {"tts_engine": "cartesia"},
        "sts": {"provider": "ours", "token": CANARY},
    },
    "document_tags": ["faq"],
    "beta": {"on": True, "deep": {"a": 1, "b": 2}},
}


def persona(row: dict[str, Any] = GUIDE, **changes: Any) -> Persona:
    row = {**deepcopy(row), **changes}
    return Persona(str(row["persona_id"]), str(row["persona_name"]), row)


def file(text: str, name: str = "guide.yaml") -> PersonaFile | FileRefused:
    try:
        return files.read(name, text.encode())
    except FileRefused as refused:
        return refused


def exported(row: dict[str, Any] = GUIDE, **how: Any) -> str:
    return files.text(content_of(row), **{"ids": True, **how})


def only(found: PersonasPlan) -> PlanStep:
    assert len(found.steps) == 1
    return found.steps[0]


def shown(step: PlanStep) -> list[tuple[str, str, str]]:
    return [(change.key, change.was, change.now) for change in step.changes]


def after(row: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    out = deepcopy(row)
    put(out, tuple(path.split(".")), value)
    return out


def test_only_what_the_file_names_is_changed_and_null_removes() -> None:
    text = "persona_name: Guide\ngreeting: null\nlayers:\n  tts: {tts_engine: azure}\nbeta: {deep: {a: 5, c: 7}}\n"
    step = only(plan([file(text)], [persona()]))
    assert (step.act, step.persona_id, step.file) == (Act.PATCH, "p1", "guide.yaml")
    assert shown(step) == [
        ("greeting", "Hello", ""), ("layers.tts.tts_engine", "Cartesia", "Azure"),
        ("beta.deep.a", "1", "5"), ("beta.deep.c", "", "7"),
    ]  # fmt: skip
    expected: dict[str, Any] = older(GUIDE)
    del expected["greeting"]
    expected["layers"]["tts"]["tts_engine"] = "azure"
    expected["beta"]["deep"] = {"a": 5, "b": 2, "c": 7}
    assert step.after == expected


@pytest.mark.parametrize(
    "text",
    [
        "persona_name: Guide\n",
        "persona_name: Guide\ncontext: null\n",
        "persona_name: Guide\nlanguages: []\nobjectives_id: ''\nlayers: {stt: {}}\n",
        "persona_name: Guide\npipeline_mode: full\n",
        "persona_name: Guide\npipeline_mode: null\nlayers: {tts: {tts_engine: null}, stt: null}\n",
        "pal_name: Guide\ndefault_face_id: r1\n",
    ],
)
def test_what_is_there_already_empty_or_the_default_is_nothing_to_do(text: str) -> None:
    found = plan([file(text)], [persona()])
    assert (only(found).act, found.pending, found.refused) == (Act.NOTHING, 0, 0)


@PROPERTY
@given(ROWS)
def test_an_exported_persona_that_nobody_touched_is_nothing_to_do(row: dict[str, Any]) -> None:
    live = Persona("p1", str(row["persona_name"]), {**row, "persona_id": "p1", "persona_type": "user"})
    for how in ({}, {"ids": False}, {"base": False}):
        assert only(plan([file(exported(row, **how))], [live])).act is Act.NOTHING


@PROPERTY
@given(older_pairs())
def test_a_second_plan_after_a_patch_has_nothing_to_do_and_secrets_stay(pair: tuple[Any, Any]) -> None:
    was, wanted = ({**row, "persona_name": "Guide", "persona_type": "user", "persona_id": "p1"} for row in pair)
    source = file(exported(wanted, base=False))
    step = only(plan([source], [persona(was)]))
    if step.act is Act.PATCH:
        again = only(plan([source], [persona(dict(step.after))]))
        assert again.act is Act.NOTHING
        kept = [key for key in content_of(was).secrets if key.startswith(("layers.llm.api_key", "layers.llm.headers"))]
        layers = was.get("layers")
        if isinstance(layers, dict) and isinstance(layers.get("llm"), dict) and not step.troubles:
            assert set(kept) <= set(content_of(step.after).secrets)


def test_a_new_name_is_created_with_what_the_file_holds_and_no_null() -> None:
    text = "persona_name: New\nsystem_prompt: You are new.\ngreeting: null\nlayers: {llm: {model: own}, tts: null}\n"
    step = only(plan([file(text)], [persona()]))
    assert step.act is Act.CREATE
    assert step.after == {"persona_name": "New", "system_prompt": "You are new.", "layers": {"llm": {"model": "own"}}}


def test_stock_personas_are_not_matched() -> None:
    stock = persona(persona_type="system")
    assert only(plan([file("persona_name: Guide\nsystem_prompt: x\n")], [stock])).act is Act.CREATE


def test_two_live_personas_of_one_name_are_refused_and_named() -> None:
    found = plan([file("persona_name: Guide\n"), file("persona_name: B\nsystem_prompt: x\n", "b.yaml")],
                 [persona(), persona(persona_id="p2")])  # fmt: skip
    assert [step.act for step in found.steps] == [Act.REFUSED, Act.CREATE]
    assert "2 personas are called “Guide” (p1, p2)" in found.steps[0].troubles[0].message
    assert (found.pending, found.refused) == (1, 1)


def test_two_files_of_one_name_are_refused_and_named() -> None:
    text = "# first\npersona_name: Guide\ngreeting: x\n"
    found = plan([file(text, "a.yaml"), file(text, "b.yaml")], [persona()])
    assert [(step.act, step.troubles[0].line) for step in found.steps] == [(Act.REFUSED, 2)] * 2
    assert "is in b.yaml too" in found.steps[0].troubles[0].message


def test_a_file_that_can_not_be_read_is_refused_and_the_others_go_on() -> None:
    found = plan([file("a: b: c", "bad.yaml"), file("persona_name: Guide\n")], [persona()])
    assert [(step.act, step.file) for step in found.steps] == [
        (Act.REFUSED, "bad.yaml"), (Act.NOTHING, "guide.yaml")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("greeting: 12", 2, "greeting must be text: put it in quotes"),
        ("layers:\n  tts:\n    tts_emotion_control: 'yes'", 4, "layers.tts.tts_emotion_control must be true or false"),
        ("layers: {llm: {extra_body: {temperature: hot}}}", 2, "temperature must be a number"),
        ("layers: {llm: {extra_body: {temperature: 3}}}", 2, "Choose a number from 0 to 2"),
        ("layers: {llm: {tools: {a: 1}}}", 2, "layers.llm.tools must be a list"),
        ("layers: {llm: own}", 2, "layers.llm must be a mapping"),
        ("layers: []", 2, "layers must be a mapping"),
        ("document_tags: faq", 2, "document_tags must be a list of texts"),
        ("document_tags: [1]", 2, "document_tags must be a list of texts"),
        ("layers: {stt: {stt_engine: ears}}", 2, "Choose one of tavus-auto"),
        ("system_prompt: null", 2, "Write who the persona is"),
        ("pipeline_mode: echo", 0, "takes no prompt"),
        ("layers: {perception: {perception_model: raven-0, audio_awareness_queries: [Is it loud?]}}", 2, "raven-1"),
        ("default_replica_id: r9", 2, "this account has no replica r9"),
    ],
)
def test_what_tavus_would_refuse_is_refused_before_with_its_line(text: str, line: int, told: str) -> None:
    step = only(plan([file(f"persona_name: Guide\n{text}\n")], [persona()], replicas={"r1", "r2"}))
    assert step.act is Act.REFUSED
    messages = {trouble.message: trouble.line for trouble in step.troubles}
    assert [at for message, at in messages.items() if told in message] == [line], messages
    assert len(messages) <= 2


def test_an_odd_value_that_tavus_already_holds_does_not_stand_in_the_way() -> None:
    odd = persona(greeting=12, languages="English")
    step = only(plan([file("persona_name: Guide\ngreeting: 12\nsystem_prompt: You are new.\n")], [odd]))
    assert step.act is Act.PATCH
    assert shown(step) == [("system_prompt", "You are a guide.", "You are new.")]


def test_a_prompt_is_needed_to_create_one() -> None:
    step = only(plan([file("persona_name: New\n")], []))
    assert step.act is Act.REFUSED
    assert "Write who the persona is" in step.troubles[0].message


def test_changed_in_the_file_is_sent_and_changed_at_tavus_is_left_alone_and_said() -> None:
    text = exported().replace("greeting: Hello", "greeting: Good morning")
    live = after(GUIDE, "layers.llm.model", "newer")
    step = only(plan([file(text)], [persona(live)]))
    assert step.act is Act.PATCH
    assert shown(step) == [("greeting", "Hello", "Good morning")]
    assert get(step.after, ("layers", "llm", "model")) == "newer"
    assert step.left == (("layers", "llm", "model"),)
    assert "Changed at Tavus since the export" in step.notes[0]
    assert "Language model, model" in step.notes[0]
    forced = only(plan([file(text)], [persona(live)], overwrite=True))
    assert get(forced.after, ("layers", "llm", "model")) == "own"


def test_changed_in_both_is_a_conflict_that_shows_both_and_only_overwrite_sends() -> None:
    text = exported().replace("greeting: Hello", "greeting: Good morning").replace("- faq", "- prices")
    live = after(GUIDE, "greeting", "Welcome")
    found = plan([file(text)], [persona(live)])
    step = only(found)
    assert (step.act, found.pending, found.refused) == (Act.CONFLICT, 0, 1)
    assert [(clash.label, clash.file, clash.live) for clash in step.clashes] == [
        ("Greeting", "Good morning", "Welcome")
    ]
    forced = only(plan([file(text)], [persona(live)], overwrite=True))
    assert forced.act is Act.PATCH
    assert (forced.after["greeting"], forced.after["document_tags"]) == ("Good morning", ["prices"])


@pytest.mark.parametrize(
    ("path", "live", "line", "act"),
    [
        ("greeting", ABSENT, "greeting: Hello", Act.NOTHING),
        ("greeting", ABSENT, "greeting: Other", Act.CONFLICT),
        ("greeting", "Other", "greeting: null", Act.CONFLICT),
        ("greeting", "Other", "greeting: Other", Act.NOTHING),
        ("greeting", "Hello", "greeting: null", Act.PATCH),
        ("languages", ["English"], "languages: [German]", Act.CONFLICT),
        ("languages", ["English"], "languages: null", Act.NOTHING),
        ("beta", {"on": False}, "beta: null", Act.CONFLICT),
        ("beta", ABSENT, "beta: null", Act.NOTHING),
    ],
)
def test_removed_and_added_count_as_changes_too(path: str, live: Any, line: str, act: Act) -> None:
    base = next(line for line in exported().splitlines() if "based_on" in line)
    row = deepcopy(GUIDE)
    if live is ABSENT:
        del row[path]
    else:
        row[path] = live
    text = f"persona_name: Guide\n{line}\ngreenroom:\n{base}\n"
    assert only(plan([file(text)], [persona(row)])).act is act


def test_without_a_base_the_file_is_the_truth() -> None:
    text = exported(base=False)
    step = only(plan([file(text)], [persona(after(GUIDE, "greeting", "Welcome"))]))
    assert shown(step) == [("greeting", "Welcome", "Hello")]


def test_secrets_stay_where_they_are_and_null_removes_one() -> None:
    step = only(plan([file("persona_name: Guide\nlayers: {llm: {model: x}, sts: {provider: y}}\n")], [persona()]))
    assert get(step.after, ("layers", "llm", "api_key")) == get(step.after, ("layers", "sts", "token")) == CANARY
    step = only(plan([file("persona_name: Guide\nlayers: {llm: {api_key: null}, sts: null}\n")], [persona()]))
    assert shown(step) == [
        ("layers.llm.api_key", "set", "not set"), ("layers.sts", '{\n  "provider": "ours"\n}', ""),
        ("layers.sts.token", "set", "not set"),
    ]  # fmt: skip
    assert CANARY not in repr(step)


def test_a_list_keeps_the_secrets_of_entries_that_stay_and_refuses_to_change_those() -> None:
    tools = [{"name": "a"}, {"name": "b", "headers": {"x": CANARY}}, {"name": "c"}]
    row = after(GUIDE, "layers.llm.tools", tools)
    text = "persona_name: Guide\nlayers:\n  llm:\n    tools: %s\n"
    step = only(plan([file(text % "[{name: c}, {name: b}, {name: d}]")], [persona(row)]))
    assert get(step.after, ("layers", "llm", "tools")) == [{"name": "c"}, tools[1], {"name": "d"}]
    for wanted in ("[{name: a}, {name: b2}, {name: c}]", "[]"):
        step = only(plan([file(text % wanted)], [persona(row)]))
        assert (step.act, step.troubles[0].line) == (Act.REFUSED, 4)
        assert "change it in Greenroom instead" in step.troubles[0].message
    gone = only(plan([file("persona_name: Guide\nlayers: {llm: {tools: null}}\n")], [persona(row)]))
    assert get(gone.after, ("layers", "llm", "tools")) is ABSENT


def test_a_secret_that_the_file_knew_of_and_that_is_not_set_is_said() -> None:
    text = exported()
    bare = deepcopy(GUIDE)
    del bare["layers"]["llm"]["api_key"]
    assert only(plan([file(text)], [persona()])).notes == ()
    assert "layers.llm.api_key was set" in only(plan([file(text)], [persona(bare)])).notes[0]
    text = text.replace("    - layers.llm.api_key", f"    - {CANARY}")
    assert CANARY not in repr(only(plan([file(text)], [persona(bare)])).notes)


def test_a_name_that_may_be_meant_otherwise_is_asked_about() -> None:
    text = exported().replace("persona_name: Guide", "persona_name: Tour guide")
    assert "exported from “Guide”" in only(plan([file(text)], [persona()])).notes[0]
    text = "persona_name: 'guide '\nsystem_prompt: x\n"
    assert "capitals or spaces" in only(plan([file(text)], [persona()])).notes[0]
