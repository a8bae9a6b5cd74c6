"""Ctrl-C, on the scratch dashboard whose deadline is 1.5 s and whose /stay never answers."""

from __future__ import annotations

import threading
import time
import urllib.request
from contextlib import suppress

from tests.running import Dashboard
from tests.server.conftest import SCRATCH
from tests.websocket import Tab


def stay(dashboard: Dashboard) -> None:
    """A request that is still under way when the signal comes."""

    def ask() -> None:
        with suppress(OSError), urllib.request.urlopen(dashboard.url + "/stay", timeout=30):
            pass

    threading.Thread(target=ask, daemon=True).start()
    time.sleep(0.3)


def test_ctrl_c_ends_a_dashboard_with_an_open_page_well_before_its_deadline() -> None:
    with Dashboard(SCRATCH) as dashboard, suppress(ConnectionError, OSError), Tab(dashboard.url) as tab:
        tab.run()
        assert dashboard.stop() < 1.5
        assert dashboard.process is not None
        assert dashboard.process.returncode == 0
        assert "Traceback" not in dashboard.log
        assert "Aborted" not in dashboard.log


def test_ctrl_c_ends_it_at_the_deadline_though_a_request_is_stuck() -> None:
    with Dashboard(SCRATCH) as dashboard:
        stay(dashboard)
        assert 1.0 < dashboard.stop() < 4.0


def test_a_second_ctrl_c_ends_it_at_once() -> None:
    with Dashboard(SCRATCH) as dashboard:
        stay(dashboard)
        dashboard.send()
        time.sleep(0.2)
        assert dashboard.stop() < 0.7
