"""The Diagnostics page in a real server: it draws when all is well, and above all when it is not."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house import KEY
from tests.running import Dashboard
from tests.sandbox_server import RunningSandbox, eventually
from tests.websocket import Tab


def opened(url: str) -> Tab:
    tab = Tab(url)
    tab.run(page="diagnostics")
    assert "exception" not in [element.WhichOneof("type") for element in tab.elements()]
    return tab


def words(tab: Tab) -> str:
    """All text of the last run, without the backslashes that keep markdown from reading it."""
    return " ".join(str(element) for element in tab.elements()).replace("\\", "").replace("\u2060", "")


def test_the_checks_pass_on_the_embedded_sandbox() -> None:
    with Dashboard() as console, opened(console.url) as tab:
        shown = words(tab)
        assert "Ready, on the sandbox: nothing is billed." in shown and "12 checks · " in shown
        assert "0 of 2 open; 60 of today's 60 minutes left." in shown
        assert "Streamlit's inner parts" in shown and "all are where Greenroom looks for them" in shown
        assert "The last round was finished" in shown
        assert "6 personas" in shown and "8 can be used" in shown
        assert re.search(r"Conversations named gr[0-9a-f]{6}-… are its own", shown)
        assert all(f'label: "{name}"' in str(tab.messages) for name in ("Checks", "Modes", "Configuration", "Report"))
        assert "phoenix_rest" in shown and "pipecat_daily" in shown


def test_opening_it_costs_two_requests_and_a_rerun_none_until_it_is_asked_to(sandbox: RunningSandbox) -> None:
    with Dashboard(env={"TAVUS_API_KEY": KEY, "TAVUS_BASE_URL": sandbox.v2}) as console:
        eventually(lambda: sandbox.routes() == ["GET /v2/conversations"] * 2)
        before = len(sandbox.log())
        with opened(console.url) as tab, opened(console.url) as other:
            assert len(sandbox.log()) - before == 2
            for one in (tab, other, tab):
                one.run()
            assert len(sandbox.log()) - before == 2
            tab.click("diagnostics_run")
            assert len(sandbox.log()) - before == 4 and "Tavus" in words(tab)


def test_a_wrong_setting_is_named_with_its_mend(sandbox: RunningSandbox) -> None:
    env = {"TAVUS_API_KEY": KEY, "TAVUS_BASE_URL": sandbox.v2, "MAX_CALL_S": "*ten*", "TAVUS_AVATAR_MODE": "x"}
    with Dashboard(env=env) as console, opened(console.url) as tab:
        shown = words(tab)
    assert "Not ready for live calls. 2 things to fix: TAVUS_AVATAR_MODE, MAX_CALL_S." in shown
    assert "<b>MAX_<wbr>CALL_<wbr>S</b>" in shown and "gr-red" in shown
    assert "wrap_lines: true" in shown
    assert "a whole number of seconds from 30 to 3600" in shown and "restart Greenroom" in shown


def test_a_refused_key_is_named_and_neither_it_nor_an_echo_of_it_is_shown(sandbox: RunningSandbox) -> None:
    echo = {"message": f"Invalid access token {KEY}"}
    sandbox.faults({"route": "* /v2/*", "times": -1, "status": 401, "body": echo})
    with Dashboard(env={"TAVUS_API_KEY": KEY, "TAVUS_BASE_URL": sandbox.v2}) as console, opened(console.url) as tab:
        shown = words(tab)
        assert "refused the key (401): Invalid access token ***" in shown and "One thing to fix: Tavus." in shown
        assert "Put a valid TAVUS_API_KEY in .env and restart." in shown
        assert not any(KEY.encode() in data for data in tab.received) and KEY not in console.log


def test_a_database_that_is_not_ours_does_not_keep_the_page_from_drawing(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.db"
    stranger.write_bytes(b"no database " * 1000)
    with Dashboard(env={"DATABASE_URL": f"sqlite:///{stranger.as_posix()}"}) as console, opened(console.url) as tab:
        shown = words(tab)
    assert "One thing to fix: Database." in shown and "not a database" in shown and "DATABASE_URL" in shown
