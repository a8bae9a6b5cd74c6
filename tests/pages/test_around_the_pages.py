"""What stands around every page: menu, sandbox note, settings that need mending, a deep link to a fresh server."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lib import wiring
from lib.settings import Problem
from tests.house import demo
from tests.pages.opened import console, words
from tests.running import ROOT, Dashboard
from tests.websocket import Tab

WRONG = Problem("MAX_CALL_S", "It is not a number.", "Write a number of seconds.")


def first_visit() -> AppTest:
    app = AppTest.from_file(str(ROOT / "lib" / "ui" / "frame.py"), default_timeout=30).run()
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


def test_with_a_key_nothing_speaks_of_the_sandbox(tmp_path: Path) -> None:
    with console(tmp_path):
        app = first_visit()
        assert "Sandbox" not in words(app)
        assert not app.sidebar.markdown


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
