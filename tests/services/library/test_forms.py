"""Forms of the library: what is read comes back, what is wrong is named, what is sent is the smallest change."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonpatch
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lib.clients import vocabulary
from lib.errors import RateLimited
from lib.services.library import documents, examples, forms, guardrails, objectives, patches
from lib.services.library.objectives import Chain, ObjectiveStep

RULE: dict[str, Any] = {
    "uuid": "g1",
    "guardrail_name": "no_prices",
    "guardrail_prompt": "Never name a price.",
    "tags": ["sales"],
    "app_message": True,
    "tool_call": {"x": 1},
    "created_at": "2026-01-01T00:00:00Z",
}
CHAIN: dict[str, Any] = {
    "objectives_id": "o1",
    "uuid": "o1",
    "name": "Intake",
    "allow_loops": False,
    "data": [
        {"objective_name": "greet", "objective_prompt": "Greet.", "next_required_objective": "ask", "tool_call": None},
        {
            "objective_name": "ask",
            "objective_prompt": "Ask.",
            "next_conditional_objectives": {"billing": "about money", "bye": "otherwise"},
        },
        {"objective_name": "billing", "objective_prompt": "Help.", "output_variables": ["amount"]},
        {"objective_name": "bye", "objective_prompt": "Say goodbye.", "confirmation_mode": "manual"},
    ],
}
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def messages(chain: Chain) -> list[str]:
    return [problem.message for problem in objectives.problems(chain)]


def at(chain: Chain, index: int, **changes: Any) -> Chain:
    return replace(chain, steps=tuple(replace(s, **changes) if i == index else s for i, s in enumerate(chain.steps)))


def document(**changes: Any) -> Any:
    return vocabulary.document(
        {"document_id": "d1", "document_url": "https://a.example/", "status": "ready", **changes}
    )


# reading and writing

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KEYS = st.sampled_from([*RULE, *CHAIN, "document_name", "objective_name", "objective_prompt", "odd", "a/b", "~"])
ROWS = st.dictionaries(KEYS, JSON, max_size=8)


@given(ROWS)
def test_a_row_that_nobody_touched_comes_back_as_it_was(row: dict[str, Any]) -> None:
    assert forms.write(row, forms.read(row, guardrails.FIELDS), guardrails.FIELDS) == row
    assert forms.write(row, forms.read(row, documents.FIELDS), documents.FIELDS) == row
    assert objectives.write(row, objectives.read(row)) == row


@given(ROWS, ROWS)
@example({"guardrail_name": True}, {"guardrail_name": 1})
def test_a_guarded_patch_gives_what_is_wanted_and_fails_on_another_row(
    was: dict[str, Any], now: dict[str, Any]
) -> None:
    steps = patches.guarded(was, now)
    kept = {key: was[key] for key in patches.READ_ONLY if key in was}
    wanted = {key: value for key, value in now.items() if key not in patches.READ_ONLY} | kept
    assert jsonpatch.apply_patch(was, steps) == wanted
    # As text: to Python True is 1, to JSON it is not.
    assert bool(steps) == (json.dumps(was, sort_keys=True) != json.dumps(wanted, sort_keys=True))
    for step in steps:
        if step["op"] == "test":
            other = jsonpatch.apply_patch(was, [{"op": "replace", "path": step["path"], "value": "something else"}])
            with pytest.raises(jsonpatch.JsonPatchException):
                jsonpatch.apply_patch(other, steps)


def test_only_what_changed_is_sent_behind_a_test_of_it() -> None:
    values = forms.read(RULE, guardrails.FIELDS) | {"guardrail_prompt": " Never. ", "callback_url": ""}
    assert patches.guarded(RULE, forms.write(RULE, values, guardrails.FIELDS)) == [
        {"op": "test", "path": "/guardrail_prompt", "value": "Never name a price."},
        {"op": "replace", "path": "/guardrail_prompt", "value": "Never."},
    ]
    chain = at(objectives.read(CHAIN), 2, prompt="Help with the bill.")
    assert patches.guarded(CHAIN, objectives.write(CHAIN, chain)) == [
        {"op": "test", "path": "/data/2/objective_prompt", "value": "Help."},
        {"op": "replace", "path": "/data/2/objective_prompt", "value": "Help with the bill."},
    ]


def test_taking_a_step_out_keeps_what_is_unknown_in_the_others_and_is_guarded_by_the_whole_list() -> None:
    chain = objectives.read(CHAIN)
    shorter = at(replace(chain, steps=chain.steps[:3]), 1, branches=(("billing", "about money"),))
    after: dict[str, Any] = objectives.write(CHAIN, shorter)
    assert after["data"][0] == CHAIN["data"][0]
    assert [step["objective_name"] for step in after["data"]] == ["greet", "ask", "billing"]
    steps = patches.guarded(CHAIN, after)
    assert steps[0] == {"op": "test", "path": "/data", "value": CHAIN["data"]}
    assert {"op": "remove", "path": "/data/3"} in steps
    assert not [step for step in steps if step["op"] in ("replace", "add")]


def test_a_single_objective_as_the_documents_have_it_is_edited_in_its_own_shape() -> None:
    row = {"objective_name": "greet", "objective_prompt": "Greet.", "callback_url": "https://a.example/x"}
    chain = at(objectives.read(row), 0, prompt="Greet warmly.", callback_url="")
    assert objectives.write(row, chain) == {"objective_name": "greet", "objective_prompt": "Greet warmly."}
    assert not objectives.is_whole(row)


def test_mine_and_theirs_are_merged_field_by_field() -> None:
    base, mine, theirs = {"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 1, "c": 2}, {"a": 1, "b": 3, "c": 3}
    assert forms.merged(base, mine, theirs) == {"a": 2, "b": 3, "c": 2}


# what a review says


def test_a_review_says_what_each_step_becomes() -> None:
    was = objectives.read(CHAIN)
    now = at(replace(was, name="Welcome", steps=(was.steps[1], was.steps[0], *was.steps[2:])), 3, confirmation="auto")
    now = replace(now, steps=(*now.steps[:2], now.steps[3], ObjectiveStep(name="new_one", prompt="New.", next="bye")))
    told = {change.label: (change.was, change.now) for change in objectives.between(was, now)}
    assert told == {
        "Name of the set": ("Intake", "Welcome"),
        "Step billing": ("Help.", ""),
        "bye: who says that it is done": ("The caller confirms", "The persona judges"),
        "Step new_one": ("", "New., then bye"),
        "Order": ("greet, ask, bye", "ask, greet, bye"),
    }


def test_a_review_of_a_rule_names_its_fields() -> None:
    after = {**RULE, "tags": ["sales", "<b>"], "app_message": False}
    told = [(change.label, change.was, change.now) for change in forms.changes(RULE, after, guardrails.FIELDS)]
    assert told == [("Tags", "sales", "sales, <b>"), ("Tell the room", "on", "off")]


# what is wrong


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": ""}, "Give the step a name"),
        ({"name": "Ask about use?"}, "no blanks in it: use ask_about_use."),
        ({"name": "ünder"}, "letters A to Z, digits and underscores in it: use under."),
        ({"name": "你好"}, "digits and underscores in it."),
        ({"name": "x" * 101}, "101 characters; 100 is the most"),
        ({"name": "bye"}, "Another step is called bye too"),
        ({"prompt": " "}, "Write what the persona has to reach"),
        ({"prompt": "x" * 10_001}, "10,001 characters; 10,000 is the most"),
        ({"variables": ("x",) * 51}, "51 entries; 50 is the most"),
        ({"callback_url": "ftp://x"}, "Begin it with https://"),
        ({"next": "bye", "branches": (("billing", "x"),)}, "not both"),
        ({"next": "nowhere"}, "There is no step called nowhere"),
        ({"next": "greet"}, "can't lead to itself"),
        ({"next": "", "branches": (("bye", ""),)}, "Say when it leads to bye"),
        ({"next": "", "branches": (("bye", "a"), ("bye", "b"))}, "join their conditions"),
    ],
)
def test_what_is_wrong_with_a_step_is_named(changes: dict[str, Any], told: str) -> None:
    chain = objectives.read(CHAIN)
    assert messages(chain) == []
    found = objectives.problems(at(chain, 0, **changes))
    assert told in " ".join(problem.message for problem in found)
    assert found[0].step == 0 or "called" in told


def test_what_is_wrong_with_the_set_is_named() -> None:
    assert messages(Chain()) == ["Add at least one step."]
    many = Chain(
        steps=tuple(ObjectiveStep(name=f"s{n}", prompt="x", next=f"s{n + 1}" if n < 50 else "") for n in range(51))
    )
    assert messages(many) == ["51 steps; 50 is the most."]
    assert messages(replace(many, steps=(*many.steps[:49], replace(many.steps[49], next="")))) == []
    chain = objectives.read(CHAIN)
    assert messages(replace(chain, name="x" * 101)) == ["101 characters; 100 is the most."]
    assert (
        "2 steps are first: greet, lonely"
        in messages(replace(chain, steps=(*chain.steps, ObjectiveStep(name="lonely", prompt="x"))))[0]
    )
    loop = at(chain, 3, next="greet")
    assert "lead back to an earlier one" in messages(loop)[0]
    assert messages(replace(loop, loops=True)) == []


def test_what_tavus_has_taken_already_does_not_keep_an_edit_elsewhere_back() -> None:
    odd = {**CHAIN, "data": [{**CHAIN["data"][0], "objective_name": "say hello"}, *CHAIN["data"][1:]]}
    base = objectives.read(odd)
    assert objectives.problems(at(base, 2, prompt="Other."), base) == ()
    assert objectives.problems(at(base, 2, prompt=""), base)
    rule = forms.read({**RULE, "guardrail_name": "no prices"}, guardrails.FIELDS)
    assert guardrails.problems(rule, rule) == {}
    assert list(guardrails.problems(rule | {"guardrail_prompt": ""}, rule)) == ["guardrail_prompt"]
    assert list(guardrails.problems(rule)) == ["guardrail_name"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"guardrail_name": ""}, "Give the rule a name"),
        ({"guardrail_name": "no prices"}, "letters, digits and underscores only"),
        ({"guardrail_name": "x" * 101}, "101 characters"),
        ({"guardrail_prompt": ""}, "Write the rule"),
        ({"guardrail_prompt": "x" * 1001}, "1,001 characters; 1,000 is the most"),
        ({"tags": tuple(map(str, range(33)))}, "33 tags; 32 is the most"),
        ({"tags": ("x" * 65,)}, "65 characters; 64 is the most"),
        ({"callback_url": "https://a.example/" + "x" * 2031}, "2,049 characters; 2,048 is the most"),
        ({"callback_url": "http://localhost/x"}, "open on the internet"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named(changes: dict[str, Any], told: str) -> None:
    values = forms.read(RULE, guardrails.FIELDS)
    assert guardrails.problems(values) == {}
    assert told in guardrails.problems(values | changes)[next(iter(changes))]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"document_url": ""}, "Paste the address"),
        ({"document_url": "docs.example.com"}, "Begin it with https://"),
        ({"document_url": "https://a b.example"}, "no spaces"),
        ({"document_url": "http://[x"}, "not an address"),
        ({"document_url": "http://127.0.0.1:8000/x.pdf"}, "open on the internet"),
        ({"document_url": "https://a.example/talk.MP4"}, "does not read .mp4 files"),
        ({"document_name": "x" * 201}, "201 characters"),
        ({"tags": ("x" * 65,)}, "64 is the most"),
        ({"crawl": True, "depth": 11}, "from 1 to 10"),
        ({"crawl": True, "max_pages": 0}, "from 1 to 100"),
        ({"crawl": True, "depth": None}, "from 1 to 10"),
        ({"callback_url": "x"}, "Begin it with https://"),
    ],
)
def test_what_is_wrong_with_a_document_is_named(changes: dict[str, Any], told: str) -> None:
    values = forms.read({"document_url": "https://a.example/x.pdf"}, documents.NEW_FIELDS)
    assert documents.problems(values) == {}
    assert told in " ".join(documents.problems(values | changes).values())


def test_limits_of_a_crawl_count_only_where_links_are_followed() -> None:
    values = forms.read({"document_url": "https://a.example/"}, documents.NEW_FIELDS) | {"depth": 99}
    assert documents.problems(values) == {}
    assert documents.fields_of(values) == {"document_url": "https://a.example/"}
    crawled = values | {"crawl": True, "depth": 3, "tags": ("a",)}
    assert documents.fields_of(crawled) == {
        "document_url": "https://a.example/",
        "tags": ["a"],
        "crawl": {"depth": 3, "max_pages": 20},
    }


def test_every_example_can_be_sent_as_it_is() -> None:
    for chain in examples.CHAINS.values():
        assert objectives.problems(chain) == ()
    for rule in examples.GUARDRAILS.values():
        assert guardrails.problems(forms.read({}, guardrails.FIELDS) | rule) == {}
    for known in examples.DOCUMENTS.values():
        values = forms.read({"document_url": "https://a.example/"}, documents.NEW_FIELDS) | known
        assert documents.problems(values) == {}


def test_each_field_is_explained_in_one_sentence_with_its_default_and_a_link() -> None:
    helps = [field.help for field in (*guardrails.FIELDS, *documents.NEW_FIELDS)]
    helps += [objectives.help_of(name) for name in objectives.HELP]
    assert {*objectives.LABELS} - {"next", "branches"} <= {*objectives.HELP}
    for told in helps:
        sentence, _, link = told.partition(" [Tavus's page](https://docs.tavus.io/")
        assert link.endswith(")") and 1 <= sentence.count(".") <= 2, told
    assert "Default: on." in guardrails.MESSAGE.help and "Empty: none." in documents.TAGS.help


# documents: what their states mean


def test_the_error_of_a_document_is_said_in_plain_words() -> None:
    for code in documents._ERRORS:
        said = documents.why(document(status="error", error_message=code))
        assert said and code not in said and said[-1] == "."
    assert documents.why(document(status="error", error_message="new_code")) == "Tavus says: new_code"
    assert documents.why(document(status="error")) == "Tavus does not say why."
    assert documents.why(document(status="ready", error_message="file_empty")) == ""


def test_what_may_be_secret_in_an_address_is_not_shown() -> None:
    assert documents.shown_url("https://u:p@a.example:8443/x.pdf?X-Sig=s3cr3t#y") == "https://a.example:8443/x.pdf?…"
    assert documents.shown_url("https://[2001:db8::1]/x") == "https://[2001:db8::1]/x"
    assert documents.shown_url("http://[x") == ""
    assert documents.title(document(document_url="https://a.example/x?k=1")) == "https://a.example/x?…"


@pytest.mark.parametrize(
    ("error", "minutes"),
    [
        (RateLimited("Tavus asks to slow down.", status=429, said="please wait 45 minutes before recrawling"), 45),
        (RateLimited("slow down", status=429, retry_after_s=120.0), 2),
        (RateLimited("Tavus asks to slow down.", status=429, said="please wait 1 minute"), 1),
        (RateLimited("slow down", status=429), 50),
        (RateLimited("x", status=429, said="Concurrent crawl limit reached (5). Wait until a crawl is done."), None),
        (None, 50),
    ],
)
def test_when_a_site_may_be_crawled_again_is_known_from_the_refusal_or_the_last_crawl(
    error: RateLimited | None, minutes: int | None
) -> None:
    crawled = document(crawl_count=2, last_crawled_at="2026-11-26T11:50:00Z")
    free_at = None if minutes is None else NOW + timedelta(minutes=minutes)
    assert documents.can_crawl_at(crawled, error, NOW) == free_at


def test_the_first_crawl_of_a_site_holds_no_other_back() -> None:
    assert documents.can_crawl_at(document(crawl_count=1, last_crawled_at="2026-11-26T11:50:00Z"), None, NOW) is None
    assert documents.can_crawl_at(document(crawl_count=2, last_crawled_at="2026-11-26T10:50:00Z"), None, NOW) is None
