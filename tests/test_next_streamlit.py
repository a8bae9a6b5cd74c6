"""Each inner part of Streamlit and uvicorn, moved away and changed: the pages draw, and it is said once, twice over."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

import pytest
import requests
import streamlit

from tests.next_streamlit import PAGES
from tests.running import ROOT, Dashboard
from tests.surroundings import for_a_process
from tests.websocket import Tab

Edits = list[tuple[str, str, str]]

THEME, STATE, COLLECTION = "The theme's message", "The state of fields", "The collection after a rerun"
CUT_SHORT, CONNECTION = "The end of a rerun", "The tabs' connections"
AGAIN = "What a card sent before"
SOCKETS, INDEX, HANDLER = "The connections' sockets", "Streamlit's index.html", "The server's own way to stop"

SAFE = "streamlit.runtime.state.safe_session_state"
METHOD = "    def {0}(self):\n        return self.{1}\n\n"
RENAMED: dict[str, tuple[str, Edits]] = {
    "_populate_theme_msg": (THEME, [("streamlit", r"\b_populate_theme_msg\b", "_write_theme")]),
    "on_config_parsed": (THEME, [("streamlit", r"\bon_config_parsed\b", "when_config_is_read")]),
    "filtered_state": (STATE, [("streamlit", r"\bfiltered_state\b", "visible_state")]),
    "_lock": (STATE, [(SAFE, r"\b_lock\b", "_guard")]),
    "_state": (STATE, [(SAFE, r"\b_state\b", "_inside")]),
    "postScriptGC": (COLLECTION, [("streamlit", "postScriptGC", "collectAfterRun")]),
    "RerunException": (CUT_SHORT, [("streamlit", r"\bRerunException\b", "RunAgain")]),
    "get_script_run_ctx": (CONNECTION, [("streamlit", r"\bget_script_run_ctx\b", "current_run")]),
    "session_id": (
        CONNECTION,
        [
            ("streamlit.runtime.scriptrunner_utils", r"\bsession_id\b", "tab_id"),
            ("streamlit", r"\bctx\.session_id\b", "ctx.tab_id"),
            ("streamlit.runtime.scriptrunner.script_runner", r"\bsession_id=", "tab_id="),
        ],
    ),
    "is_active_session": (CONNECTION, [("streamlit", r"\bis_active_session\b", "has_connection")]),
    "get_instance": (CONNECTION, [("streamlit", r"\bget_instance\b", "the_instance")]),
    "_register_element_id": (AGAIN, [("streamlit", r"\b_register_element_id\b", "_note_element_id")]),
    "register_widget_from_metadata": (AGAIN, [("streamlit", r"\bregister_widget_from_metadata\b", "register_made")]),
    "register_widget": (AGAIN, [("streamlit", r"\bregister_widget\b", "take_widget")]),
    "SCRIPT_RUN_CONTEXT_ATTR_NAME": (AGAIN, [("streamlit", r"\bSCRIPT_RUN_CONTEXT_ATTR_NAME\b", "RUN_ATTRIBUTE")]),
    "open_block": (AGAIN, [("streamlit", r"\bopen_block\b", "next_block")]),
    "transport": (SOCKETS, [("uvicorn.protocols", r"\.transport\b", ".wire")]),
    "should_exit": (
        HANDLER,
        [
            ("uvicorn.server", r"\bself\.should_exit\b", "self.leaving"),
            ("streamlit", r"_server\.should_exit\b", "_server.leaving"),
        ],
    ),
    "index.html": (INDEX, [("streamlit", r"index\.html", "start.html")]),
}
CHANGED: dict[str, tuple[str, Edits]] = {
    "_populate_theme_msg takes one more": (
        THEME,
        [
            ("streamlit", r"def _populate_theme_msg\(", "def _populate_theme_msg(session, "),
            ("streamlit", r"(?<!def )\b_populate_theme_msg\(", "_populate_theme_msg(None, "),
        ],
    ),
    "_populate_theme_msg takes them the other way": (
        THEME,
        [
            (
                "streamlit",
                r"def _populate_theme_msg\(msg: CustomThemeConfig, section: str = \"theme\"\) -> None:",
                "def _populate_theme_msg(section, msg=None):\n    msg, section = section, msg or 'theme'",
            )
        ],
    ),
    "on_config_parsed has no force_connect": (THEME, [("streamlit", r"\bforce_connect\b", "connect_anyway")]),
    "filtered_state is a method": (
        STATE,
        [
            ("streamlit", r"@property\n    def filtered_state\(", "def filtered_state("),
            ("streamlit", r"\.filtered_state\b", ".filtered_state()"),
        ],
    ),
    "get_script_run_ctx takes a thread": (
        CONNECTION,
        [
            ("streamlit", r"def get_script_run_ctx\(", "def get_script_run_ctx(thread, "),
            ("streamlit", r"(?<!def )(?<!\.)\b(_?get_script_run_ctx)\(", r"\1(None, "),
        ],
    ),
    "is_active_session takes a reason": (
        CONNECTION,
        [
            ("streamlit", r"def is_active_session\(self, ", "def is_active_session(self, reason, "),
            ("streamlit", r"\.is_active_session\(", ".is_active_session('', "),
        ],
    ),
    "RerunException is made by a function": (
        CUT_SHORT,
        [
            (
                "streamlit.runtime.scriptrunner",
                r"(__all__ = \[\n    \"RerunData\",)",
                r"def _made(data, kind=RerunException):\n    return kind(data)\n\n\nRerunException = _made\n\1",
            )
        ],
    ),
    "transport is a method": (
        SOCKETS,
        [
            ("uvicorn.protocols", r"\.transport\b", ".wire"),
            ("uvicorn.protocols", r"(class \w+(?:\(.*\))?:\n)", r"\1" + METHOD.format("transport", "wire")),
        ],
    ),
    "should_exit is a method": (
        HANDLER,
        [
            ("uvicorn.server", r"\bself\.should_exit\b", "self.leaving"),
            ("streamlit", r"_server\.should_exit\b", "_server.leaving"),
            ("uvicorn.server", r"(class Server:\n)", r"\1" + METHOD.format("should_exit", "leaving")),
        ],
    ),
}

CASES = {**RENAMED, **CHANGED}
IN_TESTING = {"_state": ("streamlit.testing", r"\bsession_state\._state\b", "session_state._inside")}
"""What AppTest itself uses, besides the edits of the case."""
SERVED = (SOCKETS, INDEX, HANDLER)
"""Not reached where no server runs."""
MOCKED = ("is_active_session takes a reason",)
"""AppTest has a mock in its place, which takes anything."""
UNFOUND = "not where Greenroom looks for it"


def rounds() -> list[tuple[str, ...]]:
    """The cases in as few rounds as may be: in each, of every part the next case."""
    parts = dict.fromkeys(part for part, _ in CASES.values())
    of_parts = [[name for name, (part, _) in CASES.items() if part == wanted] for wanted in parts]
    return [tuple(filter(None, cases)) for cases in zip_longest(*of_parts)]


def edits(cases: Iterable[str]) -> str:
    return json.dumps([edit for case in cases for edit in CASES[case][1]])


def renamed_index(folder: Path) -> Path:
    """A folder to import Streamlit from, where the page itself has another name. All else in it is a link."""
    installed, folder = Path(streamlit.__file__).parent, folder / "site-packages"
    for inside, skipped in ((".", "static"), ("static", "index.html")):
        (folder / "streamlit" / inside).mkdir(parents=True, exist_ok=True)
        for path in (installed / inside).iterdir():
            if path.name not in (skipped, "__pycache__"):
                (folder / "streamlit" / inside / path.name).symlink_to(path)
    (folder / "streamlit" / "static" / "start.html").symlink_to(installed / "static" / "index.html")
    return folder


def drawn(url: str) -> str:
    """Every page in one tab over the websocket, as a browser opens it; what Diagnostics showed."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        assert b'<div id="root">' in answer.read()
    with Tab(url) as tab:
        for page in PAGES:
            tab.run(page="" if page == "home" else page)
            kinds = [element.WhichOneof("type") for element in tab.elements()]
            assert kinds and "exception" not in kinds, page
        return " ".join(str(element) for element in tab.elements()).replace("\\", "")


@pytest.mark.parametrize("cases", rounds(), ids=", ".join)
def test_parts_that_moved_cost_their_gain_and_no_page(cases: tuple[str, ...], tmp_path: Path) -> None:
    parts = [CASES[case][0] for case in cases]
    env = {"NEXT": edits(cases), **({"PYTHONPATH": str(renamed_index(tmp_path))} if "index.html" in cases else {})}
    with Dashboard(env=env, module="tests.next_streamlit", wait_s=60) as console:
        shown = drawn(console.url)
        assert console.stop() < 6.0
        log = console.log
    assert sorted(line.split(":")[0] for line in log.splitlines() if UNFOUND in line) == sorted(parts), log
    assert "Traceback" not in log and "nothing to change" not in log, log
    count = f"{len(parts)} have" if len(parts) > 1 else "One has"
    assert f"{count} moved, and everything works without." in shown
    assert all(part in shown for part in parts)
    assert "One thing to check: Streamlit's inner parts." in shown


@pytest.mark.parametrize("cases", rounds(), ids=", ".join)
def test_every_page_draws_in_apptest_where_parts_moved(cases: tuple[str, ...], tmp_path: Path) -> None:
    here = [case for case in cases if CASES[case][0] not in SERVED]
    changes = json.loads(edits(here)) + [IN_TESTING[case] for case in here if case in IN_TESTING]
    done = subprocess.run(
        [sys.executable, "-m", "tests.next_streamlit", "pages", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env=for_a_process(NEXT=json.dumps(changes)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    parts = [CASES[case][0] for case in here if case not in MOCKED]
    assert sorted(line.split(":")[0] for line in done.stderr.splitlines() if UNFOUND in line) == sorted(parts)
    assert all(part in done.stdout for part in parts), done.stdout


def test_on_the_streamlit_that_is_pinned_all_parts_are_there() -> None:
    with Dashboard() as console:
        assert "all are where Greenroom looks for them" in drawn(console.url)
        assert UNFOUND not in console.log


@pytest.mark.parametrize("case", ["session_id", "is_active_session", "is_active_session takes a reason"])
def test_a_call_goes_on_while_a_tab_shows_it_and_ends_where_none_does(case: str) -> None:
    env = {"NEXT": edits([case]), "WATCH_GRACE_S": "1", "SWEEP_INTERVAL_S": "0.2"}
    headers = {"Authorization": "Bearer sandbox"}
    with Dashboard(env=env, module="tests.next_streamlit", wait_s=60) as console:
        api = f"{console.url}/api"
        agent = requests.get(f"{api}/agents", headers=headers, timeout=10).json()["data"][0]["id"]
        body = {"agentId": agent, "watch": True}
        shown, alone = (
            requests.post(f"{api}/sessions", json=body, headers=headers, timeout=30).json()["sessionId"] for _ in "12"
        )
        with Tab(console.url) as tab:
            tab.run()
            tab.run(page="live", query=f"session={shown}")
            time.sleep(4)
            status = {
                one: requests.get(f"{api}/sessions/{one}", headers=headers, timeout=10).json()["status"]
                for one in (shown, alone)
            }
        assert status == {shown: "live", alone: "ended"}
        assert "Traceback" not in console.log
