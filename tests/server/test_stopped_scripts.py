"""Row 16 of the fault table on the real server: a page's script is stopped in the middle of a start."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.house import until
from tests.running import Dashboard
from tests.websocket import Tab

HEADERS = {"Authorization": "Bearer sandbox"}


@pytest.fixture
def console() -> Iterator[Dashboard]:
    with Dashboard() as made:
        yield made


def sessions(console: Dashboard) -> list[dict[str, Any]]:
    return list(requests.get(f"{console.url}/api/sessions", headers=HEADERS, timeout=10).json()["data"])


def creates(console: Dashboard) -> int:
    asked = requests.get(f"{console.url}/sandbox/_sandbox/log", timeout=5).json()
    return sum((entry["method"], entry["path"]) == ("POST", "/v2/conversations") for entry in asked)


def press(tab: Tab, key: str) -> None:
    """Click a button and wait for nothing."""
    back = BackMsg()
    widget = back.rerun_script.widget_states.widgets.add()
    widget.id, widget.trigger_value = tab.widget_id(key), True
    tab.wire.send(tab.question(back=back))


@pytest.mark.parametrize("leaves", [False, True], ids=["reruns", "closed"])
def test_row_16_a_start_reaches_its_record_though_reruns_or_a_closed_tab_stop_the_script(
    leaves: bool, console: Dashboard
) -> None:
    fault = [{"route": "POST /v2/conversations", "delay_s": 0.8, "times": 1}]
    requests.post(f"{console.url}/sandbox/_sandbox/faults", json=fault, timeout=5)
    with Tab(console.url) as tab:
        tab.run(page="live")
        press(tab, "live_start")
        until(lambda: sessions(console))
        assert sessions(console)[0]["status"] == "starting"
        for _ in range(0 if leaves else 10):
            tab.wire.send(tab.question())
            time.sleep(0.05)
        if not leaves:
            until(lambda: sessions(console)[0]["status"] == "live")
    until(lambda: sessions(console)[0]["status"] == "live")
    assert len(sessions(console)) == creates(console) == 1
