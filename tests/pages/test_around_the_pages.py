"""What stands around every page: menu, sandbox note, settings that need mending, a deep link to a fresh server."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lib import wiring
from lib.models import Mode
from lib.settings import SettingProblem
from lib.ui.kit import places
from tests.house import demo
from tests.pages.opened import console, words
from tests.running import ROOT, Dashboard
from tests.websocket import Tab

WRONG = SettingProblem("MAX_CALL_S", "It is not a number.", "Write a number of seconds.")


def first_visit() -> AppTest:
    app = AppTest.from_file(str(ROOT / "lib" / "ui" / "shell" / "frame.py"), default_timeout=30).run()
    assert not app.exception
    return app


def test_a_wrong_setting_opens_diagnostics_first_and_is_named_on_every_page(tmp_path: Path) -> None:
    with console(tmp_path, problems=(WRONG,)) as house:
        demo(house.services)
        app = first_visit()
        assert app.title[0].value == "Diagnostics"
        for page in ("home", "live", "personas", "agents", "library", "history"):
            said = words(house.go(app, page))
            assert "To mend: MAX_CALL_S." in said, page
            assert app.button(key="frame_diagnostics").label == "Open Diagnostics"


def test_with_a_wrong_setting_every_start_says_that_it_starts_in_text_and_the_room_names_the_setting_once(
    tmp_path: Path,
) -> None:
    with console(tmp_path, problems=(WRONG,)) as house:
        agent = demo(house.services)
        app = first_visit()
        drawn = [element.proto.json for element in house.go(app, "home").main if element.type == "bidi_component"]
        assert any('"start": "Start in text"' in sent and '"text_only": true' in sent for sent in drawn)
        assert house.go(app, "live").button(key="live_start").disabled
        house.go(app, "agents", agent=agent.id)
        assert app.button(key=f"agents_rehearse_{agent.id}").label == "Rehearse in text, free"
        assert not [button for button in app.button if button.label.startswith("Start, up to")]
        start = house.go(app, "agents").button(key=f"start-agents-{agent.id}")
        assert start.label == "Start in text"
        start.click().run()
        (session,) = house.services.sessions.open()
        assert session.mode is Mode.TEXT
        refused = house.services.sessions.start_and_wait(agent.id, token="by-the-api")
        said = words(house.go(app, "live", session=refused.id))
        assert said.count("MAX_CALL_S") == 1 and "paid" not in said
        assert app.button(key="live_diagnostics").proto.type == "primary"
        assert not [button for button in app.button if button.label == "Retry"]
        house.services.sessions.end(refused.id)
        assert house.go(app, "live", session=refused.id).button(key="live_restart").label == "Start again in text"
        assert house.go(app, "session", session=refused.id).button(key="session_again").label == "Start again in text"


def test_with_a_key_nothing_speaks_of_the_sandbox(tmp_path: Path) -> None:
    with console(tmp_path):
        app = first_visit()
        assert "Sandbox" not in words(app)
        assert not app.sidebar.markdown
        assert "bound to the address" not in words(app), "the frame draws its own words for programmers"


def test_before_the_services_are_there_the_page_says_so() -> None:
    wiring.install(None)
    app = first_visit()
    assert "Greenroom is still starting up." in words(app)
    next(button for button in app.button if button.label == "Retry").click().run()
    assert not app.exception


@pytest.mark.parametrize("page", ["history", "library", "session"])
def test_a_deep_link_to_a_fresh_server_draws_the_whole_frame(page: str) -> None:
    with Dashboard() as dashboard, Tab(dashboard.url) as tab:
        messages = tab.run(page=page)
        assert any(message.HasField("navigation") for message in messages)
        assert any(message.HasField("logo") for message in messages)
        drawn = str(list(tab.elements()))
        assert "Sandbox: nothing is billed" in drawn
        assert ".gr-lines" in drawn


def test_every_field_that_is_bound_to_the_address_is_known_to_the_frame(tmp_path: Path) -> None:
    folders = (ROOT / "pages", ROOT / "lib" / "ui")
    files = {
        file.stem for folder in folders for file in folder.rglob("*.py") if "query-params" in file.read_text("utf-8")
    }
    assert files == {"history", "inspector", "places"}, "a page that this test does not open binds a field"
    with console(tmp_path) as house:
        demo(house.services)
        opened = house.open("history", range="Dates"), house.open("inspector")
        keys = {getattr(element.proto, "query_param_key", "") for app in opened for element in app.main}
    assert keys - {""} == set(places.BOUND)
