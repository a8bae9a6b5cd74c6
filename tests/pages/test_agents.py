"""The Agents page: empty, working and refused; an agent is made, mended, started, copied and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lib import wiring
from lib.models import CallSettings
from lib.ui.agents import form
from tests.house import ANNA, BUYER, GUIDE, LUCAS, demo
from tests.house import house as built
from tests.pages.opened import Console, console, html, words

STRANGE = '<img src=x onerror="alert(1)"> :red[x] *y* 🦊 שלום'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path) as made:
        yield made


def field(app: AppTest, agent_id: str, name: str, rev: int = 1) -> Any:
    key = f"agents_{agent_id}_{rev}_{name}"
    kinds = (app.text_input, app.text_area, app.selectbox, app.number_input, app.toggle, app.multiselect)
    return next(widget for kind in kinds for widget in kind if widget.key == key)


def test_without_an_agent_the_page_says_what_to_do(house: Console) -> None:
    app = house.open("agents")
    assert "No agents yet" in html(app)
    app.button(key="agents_first").click().run()
    assert app.title[0].value == "New agent"


def test_the_cards_show_face_persona_and_what_is_missing(house: Console) -> None:
    ready = demo(house.services, name=STRANGE, call=CallSettings(language="German", max_call_s=300))
    broken = demo(house.services, name="Broken", persona_id="p0000gone0000")
    app = house.open("agents")
    assert sorted(house.asked()) == ["GET /v2/personas", "GET /v2/replicas"]
    cards = html(app)
    assert "<img src=x" not in cards
    assert "Anna · Warm product guide" in cards
    assert "German · not used yet" in cards
    assert "Its persona is not in this account" in cards
    assert app.button(key=f"start-agents-{ready.id}").label == "Start, up to 5 min"
    assert app.button(key=f"agents_fix_{broken.id}").label == "Fix"
    app.run()
    assert len(house.asked()) == 2
    app.button(key=f"agents_fix_{broken.id}").click().run()
    assert "Its persona is not in this account" in words(app)
    assert len(house.asked()) == 2


def test_an_agent_is_made_with_persona_face_and_call_settings(house: Console) -> None:
    app = house.open("agents", agent="new", persona=BUYER)
    app.button(key="agents_save").click().run()
    assert "Name: Give the agent a name." in words(app)
    field(app, "new", "name").input("Hard questions").run()
    app.button(key=f"agents_new_1_replica_id_pick_{LUCAS}").click().run()
    field(app, "new", "language").set_value("Spanish").run()
    for wrong in (99.0, 0.1, -1.0):
        field(app, "new", "minutes").set_value(wrong).run()
        app.button(key="agents_save").click().run()
        assert "A call of this agent can last from 30 s to 10 min, not" in words(app)
    assert house.services.agents.all() == []
    field(app, "new", "context").input("The caller sells pumps.").run()
    field(app, "new", "private_room").set_value(True).run()
    field(app, "new", "minutes").set_value(2.5).run()
    app.button(key="agents_save").click().run()
    (made,) = house.services.agents.all()
    assert (made.name, made.persona_id, made.replica_id) == ("Hard questions", BUYER, LUCAS)
    assert made.call == CallSettings(
        language="Spanish", max_call_s=150, context="The caller sells pumps.", private_room=True
    )
    assert app.title[0].value == "Hard questions"
    assert app.button(key=f"start-agent-{made.id}").label == "Start, up to 150 s"
    assert app.button(key=f"agents_rehearse_{made.id}").label == "Rehearse in text, free"


def test_a_limit_that_is_not_allowed_any_more_is_not_ready(house: Console, tmp_path: Path) -> None:
    agent = demo(house.services, call=CallSettings(max_call_s=600))
    with built(house.sandbox.url, tmp_path, max_call_s=300) as lowered:
        wiring.install(lowered)
        app = house.open("agents")
        assert "A call ends after 5 min, not after 10 min" in html(app)
        assert app.button(key=f"start-agents-{agent.id}").label == "Start, up to 5 min"
        app = house.open("agents", agent=agent.id)
        field(app, agent.id, "name").input("Evening demo").run()
        said = words(app)
        assert "Limit" in said and "A call of this agent can last from 30 s to 5 min, not 10 min" in said
        assert "Ready]" not in said and "A call lasts up to" not in said
        app.button(key="agents_save").click().run()
        assert "Not saved yet." in words(app)
        field(app, agent.id, "minutes").set_value(5.0).run()
        assert "A call lasts up to 5 min" in words(app)


def test_no_limit_is_the_limit_of_the_installation_and_none_is_not_ready_without_a_name(house: Console) -> None:
    app = house.open("agents", agent="new", persona=GUIDE)
    assert "Give the agent a name" in words(app) and "A call lasts up to" not in words(app)
    field(app, "new", "name").input("Demo").run()
    assert "A call lasts up to 10 min" in words(app)


def test_the_form_says_whose_replica_a_call_would_show(house: Console) -> None:
    bare = house.persona("Bare")
    worn = house.persona("Dressed", default_replica_id=LUCAS)
    app = house.open("agents", agent="new", persona=bare)
    assert "Replica: :gray[none chosen yet]" in words(app)
    assert "No replica chosen" in words(app)
    app = house.open("agents", agent="new", persona=worn)
    assert "Replica: **Lucas** :gray[the persona’s, since the agent has none of its own]" in words(app)
    app.button(key=f"agents_new_1_replica_id_pick_{ANNA}").click().run()
    assert "Replica: **Anna**" in words(app) and "none of its own" not in words(app)
    assert app.button(key="agents_new_1_replica_id_clear").label == "Use the persona’s"


def test_the_default_of_the_installation_is_named_as_such(tmp_path: Path) -> None:
    with console(tmp_path, tavus_default_replica_id=LUCAS) as house:
        app = house.open("agents", agent="new", persona=house.persona("Bare"))
    assert "Replica: **Lucas** :gray[the default for all agents" in words(app).replace("\\", "")


def test_an_edit_is_counted_kept_across_pages_and_saved(house: Console) -> None:
    agent = demo(house.services)
    app = house.open("agents", agent=agent.id)
    app.button(key="agents_save").click().run()
    assert app.toast[0].value == "Nothing has changed."
    field(app, agent.id, "name").input("Evening demo").run()
    field(app, agent.id, "greeting").input("Good evening!").run()
    assert "2 edits not saved" in words(app)
    house.go(app, "personas")
    house.go(app, "agents", agent=agent.id)
    assert field(app, agent.id, "name").value == "Evening demo"
    app.button(key="agents_save").click().run()
    saved = house.services.agents.get(agent.id)
    assert (saved.name, saved.call.greeting, saved.replica_id) == ("Evening demo", "Good evening!", ANNA)
    assert "edits not saved" not in words(app)


def test_discard_brings_back_what_is_stored(house: Console) -> None:
    agent = demo(house.services)
    app = house.open("agents", agent=agent.id)
    field(app, agent.id, "name").input("Evening demo").run()
    app.button(key=f"agents_{agent.id}_1_replica_id_pick_{LUCAS}").click().run()
    app.button(key="danger-discard-agent").click().run()
    assert field(app, agent.id, "name", rev=2).value == "Product demo"
    assert "edits not saved" not in words(app)
    assert house.services.agents.get(agent.id) == agent


def test_a_face_that_is_not_ready_can_not_be_chosen_and_says_why(house: Console) -> None:
    row = {"replica_name": "In the making", "train_image_url": "https://example.org/a.png", "voice_name": "anna"}
    made = house.sandbox.call("POST", "/replicas", row).json()["replica_id"]
    app = house.open("agents", agent="new")
    assert app.button(key=f"agents_new_1_replica_id_pick_{made}").disabled
    assert "Still in training" in html(app)
    assert not app.button(key=f"agents_new_1_replica_id_pick_{ANNA}").disabled


@pytest.mark.parametrize("what", ["personas", "replicas"])
def test_what_tavus_refuses_is_named_and_the_agents_stay(what: str, house: Console) -> None:
    agent = demo(house.services)
    house.sandbox.faults({"route": f"GET /v2/{what}", "status": 500, "body": {"error": "boom"}, "times": -1})
    app = house.open("agents")
    assert "failed (500)" in words(app)
    assert "Product demo" in html(app)
    assert "No agents" not in words(app)
    app.button(key=f"agents_edit_{agent.id}").click().run()
    field(app, agent.id, "name").input("Renamed").run()
    app.button(key="agents_save").click().run()
    assert house.services.agents.get(agent.id).name == "Renamed"


def test_start_goes_to_the_live_page_with_the_session(house: Console) -> None:
    agent = demo(house.services)
    app = house.open("agents")
    app.button(key=f"start-agents-{agent.id}").click().run()
    (session,) = house.services.sessions.open()
    assert session.agent_id == agent.id
    assert app.query_params["session"] == session.id


def test_deleting_keeps_what_tavus_has(house: Console) -> None:
    agent = demo(house.services)
    app = house.open("agents", agent=agent.id)
    # What the dialog does: AppTest can't open the menu that leads to it.
    app.session_state["agents_todo"] = ("delete", agent.id, None)
    app.run()
    assert house.services.agents.all() == []
    assert "Agent deleted." in words(app) and "The records of its sessions stay" in words(app)
    assert "No agents yet" in html(app)
    assert house.sandbox.call("GET", f"/personas/{GUIDE}").status_code == 200


def test_an_unknown_agent_is_told_with_a_way_back(house: Console) -> None:
    app = house.open("agents", agent="a0000")
    assert "There is no agent" in words(app)
    app.button(key="agents_back").click().run()
    assert "No agents yet" in html(app)


def test_many_agents_are_paged_and_found_by_name_or_persona(house: Console) -> None:
    for number in range(14):
        demo(house.services, name=f"Demo {number}", persona_id=BUYER if number == 9 else GUIDE)
    app = house.open("agents")
    assert html(app).count("gr-card") == 12
    app.text_input(key="agents_search").input("sceptical").run()
    assert html(app).count("gr-card") == 1
    assert "Demo 9" in html(app)


def test_a_deletion_is_undone_with_all_that_the_agent_had(house: Console) -> None:
    agent = demo(house.services, name=STRANGE, call=CallSettings(language="German"))
    demo(house.services, name="Other")
    app = house.open("agents")
    app.session_state["agents_todo"] = ("delete", agent.id, None)
    app.run()
    assert [item.name for item in house.services.agents.all()] == ["Other"]
    house.go(app, "personas")
    house.go(app, "agents")
    app.button(key="agents_undo").click().run()
    assert house.services.agents.get(agent.id) == agent
    assert "is back" in app.toast[0].value
    assert not [button for button in app.button if button.key == "agents_undo"]


def test_two_agents_are_compared_and_what_differs_is_marked(house: Console) -> None:
    left = demo(house.services, name=STRANGE, call=CallSettings(language="German", max_call_s=300))
    right = demo(house.services, name="B", persona_id=BUYER, replica_id="", call=CallSettings(context="<b>Late</b>"))
    app = house.open("agents", compare=f"{left.id},{right.id}")
    (table,) = [part for part in html(app).split('<div class="gr-side"') if "Two agents compared" in part]
    rows = {part.split("</b>")[0].split(">")[-1]: part for part in table.split('role="row"')[2:]}
    differing = {label for label, part in rows.items() if "Differs" in part}
    assert differing == {"Persona", "Replica", "Language", "Limit", "Greeting", "Context for the call"}
    assert "the persona’s" in rows["Greeting"] and "Anna" in rows["Greeting"]
    assert "difference</i>Differs" in rows["Language"] and "check</i>Same" in rows["Recording"]
    assert "German" in rows["Language"] and "The persona’s" in rows["Language"]
    assert "5 min" in rows["Limit"] and "10 min, the most" in rows["Limit"]
    assert "&lt;b&gt;Late&lt;/b&gt;" in rows["Context for the call"]
    assert "not its own" in rows["Replica"] and "Lucas" in rows["Replica"]
    assert "<img src=x" not in table
    assert "6 of 18 differ" in words(app)
    app.toggle(key="agents_compare_only").set_value(True).run()
    assert html(app).count('role="row"') == 1 + 6
    app.button(key="agents_compare_edit_right").click().run()
    assert app.title[0].value == "B"


def test_the_second_agent_is_chosen_on_the_page_and_named_in_the_address(house: Console) -> None:
    made = [demo(house.services, name=f"Demo {number}") for number in range(3)]
    app = house.open("agents")
    app.button(key="agents_compare").click().run()
    assert app.query_params["compare"] == f"{made[0].id},{made[1].id}"
    app.selectbox(key=f"agents_compare_right_{made[1].id}").set_value(made[2].id).run()
    assert app.query_params["compare"] == f"{made[0].id},{made[2].id}"
    assert "They differ in name only" in words(app)
    app.button(key="agents_back").click().run()
    assert "compare" not in app.query_params


def test_comparing_with_one_that_is_gone_says_so_and_one_agent_is_nothing_to_compare(house: Console) -> None:
    app = house.open("agents", compare="a,b")
    assert "Nothing to compare" in html(app)
    demo(house.services), demo(house.services)
    app = house.open("agents", compare="agone,")
    assert "There is no agent agone here any more." in words(app)
    assert "Two agents compared" in html(app)


def test_agents_are_filtered_by_state_persona_and_replica(house: Console) -> None:
    for number in range(4):
        demo(house.services, name=f"Demo {number}", replica_id=LUCAS if number == 3 else ANNA)
    demo(house.services, name="Buyer", persona_id=BUYER)
    demo(house.services, name="Broken", persona_id="pgone")
    demo(house.services, name="Klingon", call=CallSettings(language="Klingon"))
    app = house.open("agents")

    def shown() -> list[str]:
        return [name for name in ("Demo 0", "Demo 3", "Buyer", "Broken", "Klingon") if f">{name}</b>" in html(app)]

    assert app.segmented_control(key="agents_state").format_func("To mend") == "To mend :small[:gray[2]]"
    app.segmented_control(key="agents_state").set_value("To mend").run()
    assert shown() == ["Broken", "Klingon"]
    app.segmented_control(key="agents_state").set_value("Ready").run()
    assert shown() == ["Demo 0", "Demo 3", "Buyer"]

    def worn(key: str, value: str | None) -> None:
        # AppTest does not tell the page that its popover is open: it is opened anew for each choice.
        app.session_state["agents_filters"] = True
        app.run()
        app.selectbox(key=key).set_value(value).run()

    worn("agents_replica", LUCAS)
    assert shown() == ["Demo 3"]
    app.run()
    assert shown() == ["Demo 3"]
    worn("agents_replica", None)
    worn("agents_persona", BUYER)
    assert shown() == ["Buyer"]
    assert len(house.asked()) == 2


def test_the_table_has_fifty_rows_with_state_and_opens_one_by_name(house: Console) -> None:
    made = [demo(house.services, name=f"Demo {number:02}") for number in range(60)]
    app = house.open("agents", view="table")
    rows = app.dataframe[0].value
    assert list(rows["name"]) == [agent.name for agent in made[:50]]
    assert [list(state) for state in rows["state"]] == [["Ready"]] * 50
    assert set(rows["persona"]) == {"Warm product guide"} and set(rows["replica"]) == {"Anna"}
    app.text_input(key="agents_search").input("demo 59").run()
    assert list(app.dataframe[0].value["name"]) == ["Demo 59"]
    app.selectbox(key="agents_named").set_value(0).run()
    assert app.title[0].value == "Demo 59"


def test_a_rows_button_opens_the_agent_that_was_seen_there(house: Console) -> None:
    made = [demo(house.services, name=f"Demo {number:02}") for number in range(60)]
    app = house.open("agents", view="table")
    house.services.agents.delete(made[0].id)
    app.session_state["agents_opened"] = {"row": 1, "label": "Open"}
    app.run()
    assert app.title[0].value == "Demo 01"


@pytest.mark.parametrize("view", ["cards", "table"])
def test_five_hundred_agents_draw_no_more_than_sixty(view: str, house: Console) -> None:
    def drawn() -> tuple[int, int]:
        """Elements, and the bytes that a rerun sends."""
        app = house.open("agents", view=view)
        app.run()
        protos = [element.proto for element in app.main if hasattr(element, "proto")]
        return len(list(app.main)), sum(proto.ByteSize() for proto in protos if hasattr(proto, "ByteSize"))

    for number in range(60):
        demo(house.services, name=f"Demo {number:03}", persona_id=f"pgone{number:03}")
    few, few_bytes = drawn()
    for number in range(60, 500):
        demo(house.services, name=f"Demo {number:03}", persona_id=f"pgone{number:03}")
    many, many_bytes = drawn()
    assert many == few
    assert abs(many_bytes - few_bytes) < 200
    app = house.open("agents", view=view)
    app.text_input(key="agents_search").input("demo 499").run()
    shown = list(app.dataframe[0].value["name"]) if view == "table" else [html(app).count("Demo 499</b>")]
    assert shown == (["Demo 499"] if view == "table" else [1])


def test_documents_that_are_gone_or_not_read_yet_are_said_in_the_editor(house: Console) -> None:
    row = {"document_url": "https://example.org/a.pdf", "document_name": "Price list"}
    known = house.sandbox.call("POST", "/documents", row).json()["document_id"]
    agent = demo(house.services, call=CallSettings(document_ids=(known, "dgone"), document_tags=("sales",)))
    app = house.open("agents", agent=agent.id)
    said = words(app)
    assert "Its document dgone was deleted" in said
    documents = field(app, agent.id, "document_ids")
    assert documents.value == [known, "dgone"]
    asked = len(house.asked())
    documents.set_value([known]).run()
    assert "dgone" not in words(app)
    assert len(house.asked()) == asked
    app.button(key="agents_save").click().run()
    assert house.services.agents.get(agent.id).call.document_ids == (known,)


def test_recording_names_its_storage_without_a_secret(house: Console) -> None:
    agent = demo(house.services)
    app = house.open("agents", agent=agent.id)
    app.session_state[f"agents_{agent.id}_1_open.recording"] = True
    app.run()
    field(app, agent.id, "recording").set_value(True).run()
    assert "Recording is on and has no storage" in words(app)
    field(app, agent.id, "storage").set_value("azure_blob").run()
    labels = [
        widget.label for widget in app.text_input if ".storage." in f".{widget.key}".replace("_storage.", ".storage.")
    ]
    assert labels == ["Storage account", "Container", "Tenant", "App registration (client id)"]
    field(app, agent.id, "storage.storage_account").input("acc").run()
    app.button(key="agents_save").click().run()
    assert "azure_blob needs container, tenant_id, client_id" in words(app)
    for name in ("container", "tenant_id", "client_id"):
        field(app, agent.id, f"storage.{name}").input(name).run()
    app.button(key="agents_save").click().run()
    assert house.services.agents.get(agent.id).call.recording_storage == {
        "provider": "azure_blob", "storage_account": "acc", "container": "container", "tenant_id": "tenant_id",
        "client_id": "client_id",
    }  # fmt: skip


def test_a_replica_that_can_not_be_worn_is_refused_on_save_and_what_was_typed_stays(house: Console) -> None:
    row = {"replica_name": "Mine", "train_image_url": "https://example.org/a.png", "voice_name": "anna"}
    made = house.sandbox.call("POST", "/replicas", row).json()["replica_id"]
    agent = demo(house.services)
    app = house.open("agents", agent=agent.id, replica=made)
    field(app, agent.id, "name").input("Evening demo").run()
    app.button(key="agents_save").click().run()
    assert "Mine can’t be put on an agent. Still in training" in words(app)
    assert field(app, agent.id, "name").value == "Evening demo"
    assert house.services.agents.get(agent.id) == agent


def test_the_form_gives_back_the_agent_that_it_was_given(house: Console) -> None:
    call = CallSettings(
        "German", 90, "Hi", "It is late.", audio_only=True, private_room=True, absent_s=60, left_s=0,
        document_ids=("d1",), document_tags=("sales",), document_retrieval_strategy="speed", recording=True,
        recording_storage={"provider": "gcs", "bucket_name": "b", "project_id": "p", "workload_identity_provider": "w",
                           "service_account_email": "s"},
        captions=True, greenscreen=True, unknown={"later": 1},
    )  # fmt: skip
    agent = demo(house.services, call=call)
    values = form.read(agent)
    assert form.write(agent, values) == agent
    assert form.edits(values, {**values, "minutes": 2.0, "name": "B"}) == ("Name", "Limit")
    assert form.problems({**values, "minutes": 0.1}, house.services.agents.most).keys() == {"minutes"}
