"""Knowledge & rules: each kind empty, working and refused; made, edited, reviewed, attached, watched, deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lib.services.library import examples, objectives
from tests.house import BUYER, GUIDE
from tests.pages.opened import Console, console, everything, html, words

STRANGE = '<img src=x onerror="alert(1)"> :red[x] *y* 🦊 שלום'
KINDS = ("objectives", "guardrails", "documents")
LISTS = {kind: f"GET /v2/{kind}" for kind in KINDS}
STOCK = {"objectives": "o4c17d0be92a", "guardrails": "g10b8a4d72e6", "documents": "d8-3f6a01c9e274"}
RULE, CHAIN, SITE = STOCK["guardrails"], STOCK["objectives"], "d8-7be24d90a5c1"

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "401": ({"status": 401, "body": {"message": "Invalid access token"}}, "refused the key"),
    "402": ({"status": 402, "body": {"message": "out of credits"}}, "no minutes left"),
    "500": ({"status": 500, "body": {"error": "boom"}}, "failed (500)"),
    "html": ({"html": True}, "web page instead of data"),
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path) as made:
        yield made


def field(app: AppTest, kind: str, item: str, name: str, rev: int = 1) -> Any:
    """The widget of this field of the item's form."""
    key = f"library_{kind}-{item}_{rev}_{name}"
    kinds = (app.text_input, app.text_area, app.selectbox, app.button_group, app.multiselect, app.toggle, app.button)
    more = (*kinds, app.number_input)
    return next(widget for kind_of in more for widget in kind_of if widget.key == key)


def unfold(app: AppTest, item: str, step: int, rev: int = 1) -> None:
    app.session_state[f"library_objectives-{item}_{rev}_s{step}.open"] = True
    app.run()


def todo(app: AppTest, act: str, kind: str, item: str, what: Any = None) -> None:
    """What a dialog's last button does: AppTest can't press one that a menu opened."""
    app.session_state["library_todo"] = (act, f"{kind}-{item}", what)
    app.run()
    assert not app.exception


def said(app: AppTest) -> str:
    """All words of the page, of its dialogs and of its toasts."""
    toasts = "\n".join(toast.value for toast in app.toast)
    return words(app) + toasts + "\n".join(element.value for element in app.markdown).replace("\\", "")


def save(app: AppTest) -> None:
    app.button(key="library_review").click().run()
    app.button(key="library_save").click().run()
    assert not app.exception


# lists


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_shows_what_there_is_and_a_rerun_asks_nothing(kind: str, house: Console) -> None:
    app = house.open("library", kind=kind)
    assert sorted(house.asked()) == sorted([LISTS[kind], "GET /v2/personas"])
    assert html(app).count("gr-item") >= 2
    assert app.button(key=f"library_edit_{STOCK[kind]}").label == "Open"
    for _ in range(3):
        app.run()
    assert len(house.asked()) == 2


def test_the_segments_stand_in_the_address_and_each_kind_is_read_when_it_is_shown(house: Console) -> None:
    app = house.open("library")
    assert app.button_group(key="library_kind").value == "objectives"
    app.button_group(key="library_kind").set_value("documents").run()
    assert app.query_params["kind"] == "documents"
    assert "Help pages" in html(app)
    assert house.asked().count(LISTS["documents"]) == 1
    assert LISTS["guardrails"] not in house.asked()


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_list_teaches_by_examples(kind: str, house: Console) -> None:
    house.sandbox.reset(stock=False)
    app = house.open("library", kind=kind)
    assert f"No {kind} yet" in html(app)
    examples_shown = [button for button in app.button if button.label == "Begin with this"]
    assert len(examples_shown) >= 2
    examples_shown[0].click().run()
    assert not app.exception
    assert app.query_params["item"] == "new"
    posts = len([route for route in house.asked() if route.startswith("POST")])
    if kind == "documents":
        field(app, kind, "new", "document_url").input("https://docs.example.com/help").run()
    app.button(key="library_create").click().run()
    assert not app.exception
    made = app.query_params["item"]
    assert made != "new"
    assert len([route for route in house.asked() if route.startswith("POST")]) == posts + 1
    house.go(app, "library", kind=kind)
    assert html(app).count("gr-item") == 1


@pytest.mark.parametrize("how", REFUSED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_list_names_its_cause_and_never_looks_empty(kind: str, how: str, house: Console) -> None:
    fault, cause = REFUSED[how]
    house.sandbox.faults({"route": LISTS[kind], "times": -1, **fault})
    app = house.open("library", kind=kind)
    assert cause in words(app)
    assert f"No {kind} yet" not in words(app)
    assert "Nothing found" not in words(app)
    assert "gr-item" not in html(app)
    asked = len(house.asked())
    app.run()
    assert len(house.asked()) == asked
    house.sandbox.faults()
    next(button for button in app.button if button.label == "Retry").click().run()
    assert html(app).count("gr-item") >= 2


def test_a_list_that_can_not_be_read_anew_is_shown_with_its_age(house: Console) -> None:
    app = house.open("library", kind="guardrails")
    house.sandbox.faults({"route": LISTS["guardrails"], "status": 500, "body": {"error": "boom"}, "times": -1})
    house.services.library.forget()
    house.go(app, "agents")
    house.go(app, "library", kind="guardrails")
    assert "shown as read just now" in words(app)
    assert "no_prices" in html(app)


def test_refused_personas_leave_the_list_readable_and_no_use_is_claimed(house: Console) -> None:
    house.sandbox.faults({"route": "GET /v2/personas", "status": 500, "body": {"error": "boom"}, "times": -1})
    app = house.open("library", kind="guardrails")
    assert "failed (500)" in words(app)
    assert "no_prices" in html(app)
    assert "Not used" not in html(app)
    house.go(app, "library", kind="guardrails", item=RULE)
    assert "Not known: Tavus failed (500)" in words(app)
    assert "No persona yet" not in words(app)


def test_a_long_list_is_searched_by_name_text_and_tag_and_paged(house: Console) -> None:
    for number in range(20):
        body = {
            "guardrail_name": f"rule_{number}",
            "guardrail_prompt": "About otters." if number == 7 else "About seals.",
            "tags": ["rare"] if number == 3 else [],
        }
        house.sandbox.call("POST", "/guardrails", body)
    app = house.open("library", kind="guardrails")
    assert html(app).count("gr-item") == 12
    for query, found in (("OTTERS about", "rule_7"), ("rare", "rule_3"), ("rule_11", "rule_11")):
        app.text_input(key="library_search_guardrails").input(query).run()
        assert found in html(app)
        assert html(app).count("gr-item") == 1
    app.text_input(key="library_search_guardrails").input("nobody has this").run()
    assert "Nothing found" in html(app)


def test_older_sets_are_read_only_when_they_are_unfolded(house: Console) -> None:
    app = house.open("library", kind="guardrails")
    before = len(house.asked())
    app.session_state["library_sets"] = True
    app.run()
    assert house.asked(before) == [LISTS["guardrails"]]
    old = house.services.library.guardrails.sets().items[0]
    assert old.name in html(app)
    assert str(old.rules[0]["guardrail_prompt"]) in html(app)
    app.run()
    assert len(house.asked()) == before + 1
    house.sandbox.faults({"route": LISTS["guardrails"], "status": 401, "body": {"message": "no"}, "times": -1})
    house.services.library.forget()
    house.go(app, "agents")
    house.go(app, "library", kind="guardrails")
    app.session_state["library_sets"] = True
    app.run()
    assert "refused the key" in words(app)


# one item


@pytest.mark.parametrize("kind", KINDS)
def test_a_deep_link_reads_the_one_item_and_a_rerun_reads_nothing(kind: str, house: Console) -> None:
    app = house.open("library", kind=kind, item=STOCK[kind])
    assert sorted(house.asked()) == sorted([f"{LISTS[kind]}/{STOCK[kind]}", "GET /v2/personas"])
    assert any(code.value == STOCK[kind] for code in app.code)
    app.button(key="library_review").click().run()
    assert app.toast[0].value == "Nothing has changed."
    for _ in range(3):
        app.run()
    assert len(house.asked()) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_that_is_gone_or_refused_is_told_with_a_way_back(kind: str, house: Console) -> None:
    gone = {"objectives": "o404", "guardrails": "g404", "documents": "d8-404"}[kind]
    app = house.open("library", kind=kind, item=gone)
    assert "does not know it" in words(app)
    seen = len(house.asked())
    app.run()
    assert len(house.asked()) == seen
    house.sandbox.faults({"route": f"{LISTS[kind]}/*", "html": True, "times": -1})
    house.go(app, "library", kind=kind, item=STOCK[kind])
    assert "web page instead of data" in words(app)
    app.button(key="library_back").click().run()
    assert html(app).count("gr-item") >= 2


def test_a_rule_is_edited_reviewed_and_only_the_change_is_sent(house: Console) -> None:
    app = house.open("library", kind="guardrails", item=RULE)
    field(app, "guardrails", RULE, "guardrail_prompt").input(STRANGE).run()
    field(app, "guardrails", RULE, "tags").set_value(["sales", "night"]).run()
    assert "2 local edits" in words(app)
    app.button(key="library_review").click().run()
    review = everything(app)
    assert "<h4>Rule</h4>" in review and "<h4>Tags</h4>" in review
    assert "onerror=&quot;alert(1)&quot;" in review and "<img src=x" not in review
    sent = app.code[-1].value
    assert '"/guardrail_prompt"' in sent
    assert "callback_url" not in sent
    before = len(house.asked())
    app.button(key="library_save").click().run()
    assert [route for route in house.asked(before) if not route.startswith("GET")] == [f"PATCH /v2/guardrails/{RULE}"]
    row = house.sandbox.call("GET", f"/guardrails/{RULE}").json()
    assert (row["guardrail_prompt"], row["tags"]) == (STRANGE, ["sales", "night"])
    assert "Saved at Tavus." in app.toast[0].value
    assert "local edit" not in words(app)
    house.go(app, "library", kind="guardrails")
    assert "onerror=&quot;alert(1)&quot;" in html(app)
    assert "<img src=x" not in html(app)


def test_what_is_wrong_is_named_at_its_field_before_anything_is_sent(house: Console) -> None:
    app = house.open("library", kind="guardrails", item=RULE)
    field(app, "guardrails", RULE, "guardrail_name").input("two words").run()
    field(app, "guardrails", RULE, "guardrail_prompt").input("x" * 1001).run()
    before = len(house.asked())
    app.button(key="library_review").click().run()
    told = words(app)
    assert "2 things to fix first" in told
    assert told.count("Use letters, digits and underscores only") == 2
    assert told.count("1,001 characters; 1,000 is the most") == 2
    assert house.asked(before) == []
    assert field(app, "guardrails", RULE, "guardrail_name").value == "two words"


def test_a_304_is_told_as_nothing_changed(house: Console) -> None:
    app = house.open("library", kind="guardrails", item=RULE)
    field(app, "guardrails", RULE, "guardrail_name").input("other").run()
    house.sandbox.faults({"route": "PATCH /v2/guardrails/*", "status": 304})
    save(app)
    assert "Nothing changed at Tavus" in app.toast[0].value
    assert field(app, "guardrails", RULE, "guardrail_name", rev=2).value == "no_prices"


def test_a_save_that_fails_says_why_and_keeps_what_was_typed(house: Console) -> None:
    app = house.open("library", kind="guardrails", item=RULE)
    field(app, "guardrails", RULE, "guardrail_prompt").input("Be brief.").run()
    house.sandbox.faults({"route": "PATCH /v2/guardrails/*", "status": 402, "body": {"message": "out of credits"}})
    save(app)
    assert "no minutes left" in words(app)
    assert field(app, "guardrails", RULE, "guardrail_prompt").value == "Be brief."
    save(app)
    assert house.sandbox.call("GET", f"/guardrails/{RULE}").json()["guardrail_prompt"] == "Be brief."


def test_what_the_service_did_not_keep_is_named(house: Console) -> None:
    app = house.open("library", kind="guardrails", item=RULE)
    field(app, "guardrails", RULE, "guardrail_prompt").input("Be brief.").run()
    house.sandbox.faults({"route": "PATCH /v2/guardrails/*", "status": 200, "body": {}})
    save(app)
    assert "did not keep everything" in words(app)
    assert "Asked for and not there now: Rule" in words(app)


@pytest.mark.parametrize("keep", [True, False])
def test_an_edit_made_elsewhere_meanwhile_is_shown_and_never_written_over(keep: bool, house: Console) -> None:
    app = house.open("library", kind="guardrails", item=RULE)
    field(app, "guardrails", RULE, "guardrail_prompt").input("Mine.").run()
    theirs = [
        {"op": "replace", "path": "/guardrail_prompt", "value": "Theirs."},
        {"op": "replace", "path": "/tags", "value": ["theirs"]},
    ]
    house.sandbox.call("PATCH", f"/guardrails/{RULE}", theirs)
    save(app)
    assert "It was changed at Tavus after it was opened here." in words(app)
    assert "Changed there meanwhile: Rule, Tags" in words(app)
    assert house.sandbox.call("GET", f"/guardrails/{RULE}").json()["guardrail_prompt"] == "Theirs."
    if not keep:
        app.button(key=f"danger-theirs-guardrails-{RULE}").click().run()
        assert field(app, "guardrails", RULE, "guardrail_prompt", rev=2).value == "Theirs."
        return
    app.button(key="library_keep_mine").click().run()
    assert "1 local edit" in words(app)
    save(app)
    row = house.sandbox.call("GET", f"/guardrails/{RULE}").json()
    assert (row["guardrail_prompt"], row["tags"]) == ("Mine.", ["theirs"])


def test_edits_outlive_other_pages_until_they_are_discarded(house: Console) -> None:
    app = house.open("library", kind="guardrails", item=RULE)
    field(app, "guardrails", RULE, "guardrail_prompt").input("Mine.").run()
    house.go(app, "agents")
    house.go(app, "library", kind="guardrails")
    assert "gr-orange" in html(app)
    house.go(app, "library", kind="guardrails", item=RULE)
    assert "1 local edit" in words(app)
    app.button(key=f"danger-discard-guardrails-{RULE}").click().run()
    assert "local edit" not in words(app)


# objectives


def test_a_chain_is_written_step_by_step(house: Console) -> None:
    app = house.open("library", kind="objectives", item="new")
    app.button(key="library_create").click().run()
    assert "2 things to fix first" in words(app)
    new = "objectives", "new"
    field(app, *new, "name").input("Intake").run()
    field(app, *new, "s0.name").input("greet").run()
    field(app, *new, "s0.prompt").input("Greet them.").run()
    field(app, *new, "add").click().run()
    field(app, *new, "s2.name").input("ask").run()
    field(app, *new, "s2.prompt").input(STRANGE).run()
    field(app, *new, "add").click().run()
    field(app, *new, "s3.name").input("bye").run()
    field(app, *new, "s3.prompt").input("Say goodbye.").run()
    assert [fold.label for fold in app.expander][:3] == ["greet", "ask", "New step"]
    unfold(app, "new", 2)
    field(app, *new, "s2.then").set_value("It depends").run()
    field(app, *new, "s2.way").click().run()
    field(app, *new, "s2.b4.to").set_value("s3").run()
    app.button(key="library_create").click().run()
    assert "Say when it leads to bye." in words(app)
    field(app, *new, "s2.b4.why").input("they are done").run()
    # A step is known by what it is, so a new name follows wherever others lead to it.
    unfold(app, "new", 3)
    field(app, *new, "s3.name").input("goodbye").run()
    app.button(key="library_create").click().run()
    assert not app.exception
    row = house.sandbox.call("GET", f"/objectives/{app.query_params['item']}").json()
    assert row["name"] == "Intake"
    assert [step["objective_name"] for step in row["data"]] == ["greet", "ask", "goodbye"]
    assert row["data"][0]["next_required_objective"] == "ask"
    assert row["data"][1]["next_conditional_objectives"] == {"goodbye": "they are done"}
    assert row["data"][1]["objective_prompt"] == STRANGE


def test_a_step_is_moved_and_taken_out_and_the_smallest_patch_is_sent(house: Console) -> None:
    app = house.open("library", kind="objectives", item=CHAIN)
    unfold(app, CHAIN, 3)
    field(app, "objectives", CHAIN, "s3.remove").click().run()
    unfold(app, CHAIN, 1)
    field(app, "objectives", CHAIN, "s1.prompt").input("Find the pain.").run()
    app.button(key="library_review").click().run()
    told = said(app)
    assert "Step part_as_friends" in told
    assert "find_what_hurts: what to reach" in told
    app.button(key="library_save").click().run()
    assert not app.exception
    row = house.sandbox.call("GET", f"/objectives/{CHAIN}").json()
    assert [step["objective_name"] for step in row["data"]] == [
        "learn_present_way",
        "find_what_hurts",
        "agree_on_trial",
    ]
    assert row["data"][1]["objective_prompt"] == "Find the pain."
    assert "part_as_friends" not in row["data"][1]["next_conditional_objectives"]
    unfold(app, CHAIN, 2, rev=2)
    field(app, "objectives", CHAIN, "s2.move-1", rev=2).click().run()
    assert "Order" in words(app)


def test_theirs_and_mine_of_a_chain_are_kept_step_by_step(house: Console) -> None:
    app = house.open("library", kind="objectives", item=CHAIN)
    unfold(app, CHAIN, 0)
    field(app, "objectives", CHAIN, "s0.prompt").input("Mine.").run()
    theirs = [
        {"op": "replace", "path": f"/data/{number}/objective_prompt", "value": f"Theirs {number}."} for number in (0, 2)
    ]
    house.sandbox.call("PATCH", f"/objectives/{CHAIN}", theirs)
    save(app)
    assert "It was changed at Tavus after it was opened here." in words(app)
    app.button(key="library_keep_mine").click().run()
    save(app)
    row = house.sandbox.call("GET", f"/objectives/{CHAIN}").json()
    assert [row["data"][n]["objective_prompt"] for n in (0, 2)] == ["Mine.", "Theirs 2."]


def test_a_set_shown_as_the_documents_have_it_is_edited_without_losing_its_other_steps(house: Console) -> None:
    house.sandbox.control("dialect", {"objectives": "documented"})
    app = house.open("library", kind="objectives", item=CHAIN)
    assert "Tavus shows only one objective of this set" in words(app)
    assert not [button for button in app.button if str(button.key).endswith("_add")]
    field(app, "objectives", CHAIN, "s0.prompt").input("Ask first.").run()
    save(app)
    house.sandbox.control("dialect", {"objectives": "set"})
    row = house.sandbox.call("GET", f"/objectives/{CHAIN}").json()
    assert len(row["data"]) == 4
    assert row["data"][0]["objective_prompt"] == "Ask first."


# making


def test_what_was_typed_survives_a_refusal_and_a_lost_answer_is_not_sent_again(house: Console) -> None:
    app = house.open("library", kind="guardrails", item="new")
    field(app, "guardrails", "new", "guardrail_name").input("calm").run()
    field(app, "guardrails", "new", "guardrail_prompt").input("Stay calm.").run()
    house.sandbox.faults({"route": "POST /v2/guardrails", "status": 500, "body": {"error": "boom"}})
    app.button(key="library_create").click().run()
    assert "It may have been made" in words(app)
    assert field(app, "guardrails", "new", "guardrail_prompt").value == "Stay calm."
    app.button(key="library_back").click().run()
    app.button(key="library_new").click().run()
    assert field(app, "guardrails", "new", "guardrail_prompt").value == "Stay calm."
    app.button(key="library_over").click().run()
    assert field(app, "guardrails", "new", "guardrail_prompt", rev=2).value == ""
    assert house.asked().count("POST /v2/guardrails") == 1


def test_a_second_click_on_create_finds_what_the_first_one_made(house: Console) -> None:
    app = house.open("library", kind="guardrails", item="new")
    # What is left when a click stops the run of the click before it, right after Tavus has answered.
    app.session_state["library_drafts"]["guardrails-new"]["made"] = RULE
    app.button(key="library_create").click().run()
    assert app.title[0].value.replace("\\", "") == "no_prices"
    assert not [route for route in house.asked() if route.startswith("POST")]


def test_an_address_that_tavus_can_not_read_is_refused_before_it_is_sent(house: Console) -> None:
    app = house.open("library", kind="documents", item="new")
    field(app, "documents", "new", "document_url").input("http://localhost:8000/x.pdf").run()
    field(app, "documents", "new", "crawl").set_value(True).run()
    field(app, "documents", "new", "depth").set_value(11).run()
    app.button(key="library_create").click().run()
    assert "open on the internet" in words(app)
    assert "Choose a whole number from 1 to 10." in words(app)
    assert not [route for route in house.asked() if route.startswith("POST")]


def test_a_crawl_limit_is_told_and_what_was_typed_stays(house: Console) -> None:
    app = house.open("library", kind="documents", item="new")
    field(app, "documents", "new", "document_url").input("https://docs.example.com/").run()
    body = {"error": "Crawl document limit reached (100). Contact support@tavus.io to increase your limit."}
    house.sandbox.faults({"route": "POST /v2/documents", "status": 429, "body": body})
    app.button(key="library_create").click().run()
    assert "Crawl document limit reached (100)" in words(app)
    assert field(app, "documents", "new", "document_url").value == "https://docs.example.com/"


# documents


def test_a_document_is_followed_until_it_is_ready(house: Console) -> None:
    house.sandbox.freeze()
    app = house.open("library", kind="documents", item="new")
    field(app, "documents", "new", "document_url").input("https://docs.example.com/a.pdf").run()
    app.button(key="library_create").click().run()
    made = app.query_params["item"]
    assert "Waiting to be read" in html(app)
    assert "It is being read. This page follows by itself." in words(app)
    house.go(app, "library", kind="documents")
    assert "1 document is being read" in words(app)
    house.go(app, "library", kind="documents", item=SITE)
    assert "being read" not in words(app)
    house.go(app, "library", kind="documents", item=made)
    before = len(house.asked())
    for _ in range(4):
        app.run()
    assert house.asked(before) in ([], [f"GET /v2/documents/{made}"])
    house.sandbox.advance(60)
    house.services.library.documents._watched_at = None
    app.run()
    app.run()
    assert "Ready" in html(app)
    assert "being read" not in words(app)
    before = len(house.asked())
    app.run()
    assert house.asked(before) == []


def test_a_document_that_failed_says_why_in_plain_words(house: Console) -> None:
    app = house.open("library", kind="documents")
    assert "Tavus could not download it." in html(app)
    house.go(app, "library", kind="documents", item="d8-a91c5f3370de")
    assert "Could not be read" in html(app)
    assert "Tavus could not download it." in words(app)
    assert "file_download_failed" not in words(app)


def test_a_site_is_read_again_and_a_second_time_is_told_when(house: Console) -> None:
    house.sandbox.freeze()
    app = house.open("library", kind="documents", item=SITE)
    todo(app, "recrawl", "documents", SITE)
    assert "being read again" in app.toast[0].value
    assert "Being read again" in html(app)
    todo(app, "recrawl", "documents", SITE)
    assert "It is being read right now, so it can't be read again yet." in words(app)
    house.sandbox.advance(60)
    house.services.library.documents.get(SITE)
    app.run()
    app.button(key="library_again").click().run()
    assert "Tavus takes one crawl an hour" in said(app)
    todo(app, "recrawl", "documents", SITE, (("depth", 1), ("max_pages", 5)))
    assert "please wait 59 minutes" in words(app)
    assert re.search(r"It can be read again from \w+ \d+ \w+, \d\d:\d\d on\.", words(app))
    house.sandbox.faults(
        {"route": "POST /v2/documents/*", "status": 429, "body": {"error": "Concurrent crawl limit reached (5)."}}
    )
    todo(app, "recrawl", "documents", SITE)
    assert "Wait until another site is read" in words(app)


def test_a_document_is_renamed_by_a_merge_of_its_name_alone(house: Console) -> None:
    app = house.open("library", kind="documents", item=SITE)
    field(app, "documents", SITE, "document_name").input("Help").run()
    app.button(key="library_review").click().run()
    assert app.code[-1].value == '{\n  "document_name": "Help"\n}'
    app.button(key="library_save").click().run()
    row = house.sandbox.call("GET", f"/documents/{SITE}").json()
    assert (row["document_name"], row["tags"]) == ("Help", ["product"])


# personas


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_is_attached_to_personas_and_named_beside_it(kind: str, house: Console) -> None:
    app = house.open("library", kind=kind, item=STOCK[kind])
    todo(app, "attach", kind, STOCK[kind], (GUIDE, BUYER))
    assert "Attached to" in app.toast[0].value
    key = {"objectives": "objectives_id", "guardrails": "guardrail_ids", "documents": "document_ids"}[kind]
    for persona_id in (GUIDE, BUYER):
        assert STOCK[kind] in house.stored(persona_id)[key]
    links = [element.proto.label.replace("\\", "") for element in app.main if element.type == "page_link"]
    assert links == ["Warm product guide", "Sceptical buyer"] or sorted(links) == [
        "Sceptical buyer",
        "Warm product guide",
    ]
    todo(app, "attach", kind, STOCK[kind], (BUYER,))
    assert "Detached from Warm product guide" in app.toast[0].value.replace("\\", "")
    house.go(app, "library", kind=kind)
    assert "Used by 1 persona" in html(app)


def test_a_persona_that_refuses_is_named_and_the_others_are_changed(house: Console) -> None:
    app = house.open("library", kind="guardrails", item=RULE)
    house.sandbox.faults({"route": f"PATCH /v2/personas/{GUIDE}", "status": 500, "body": {"error": "boom"}})
    todo(app, "attach", "guardrails", RULE, (GUIDE, BUYER))
    assert "failed (500)" in words(app)
    assert "Attached to Sceptical buyer" in app.toast[0].value.replace("\\", "")


def test_deleting_detaches_and_says_so(house: Console) -> None:
    app = house.open("library", kind="documents", item=SITE)
    todo(app, "attach", "documents", SITE, (GUIDE,))
    todo(app, "delete", "documents", SITE)
    assert "Deleted. Detached from Warm product guide." in app.toast[0].value.replace("\\", "")
    assert "item" not in app.query_params
    assert SITE not in house.stored(GUIDE)["document_ids"]
    assert house.sandbox.call("GET", f"/documents/{SITE}").status_code == 404
    assert "Help pages" not in html(app)


def test_nothing_is_deleted_while_a_persona_refuses(house: Console) -> None:
    app = house.open("library", kind="documents", item=SITE)
    todo(app, "attach", "documents", SITE, (GUIDE,))
    house.sandbox.faults({"route": f"PATCH /v2/personas/{GUIDE}", "status": 500, "body": {"error": "boom"}})
    todo(app, "delete", "documents", SITE)
    assert "Nothing was deleted." in app.toast[0].value
    assert "failed (500)" in words(app)
    assert house.sandbox.call("GET", f"/documents/{SITE}").status_code == 200


def test_any_name_shows_as_itself(house: Console) -> None:
    # Tavus holds names of documents and sets to nothing; those of rules may come from before its limits.
    for name in (STRANGE, "x" * 300, "مرحبا بالعالم", "<script>alert(1)</script>"):
        body = {"document_url": "https://docs.example.com/?key=s3cr3t", "document_name": name, "tags": [STRANGE]}
        made = house.sandbox.call("POST", "/documents", body).json()["document_id"]
        chain = objectives.body_of(examples.CHAINS["Discovery call"]) | {"name": name[:100]}
        chain_id = house.sandbox.call("POST", "/objectives", chain).json()["objectives_id"]
        app = house.open("library", kind="documents", item=made)
        assert field(app, "documents", made, "document_name").value == name
        title = re.sub(r"[\\\u2060\u2068\u2069]", "", app.title[0].value).rstrip("…")
        assert name.startswith(title)
        assert "s3cr3t" not in "\n".join(str(element.proto) for element in app.main)
        house.go(app, "library", kind="objectives", item=chain_id)
        assert field(app, "objectives", chain_id, "name").value == name[:100]
        for kind in ("documents", "objectives"):
            house.go(app, "library", kind=kind)
            assert "<script>" not in html(app)
            assert "<img src=x" not in html(app)
            assert "s3cr3t" not in html(app)
