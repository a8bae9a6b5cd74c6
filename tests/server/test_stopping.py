"""Ctrl-C, on the scratch dashboard whose deadline is 1.5 s and whose /stay never answers."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress

from tests.running import ROOT, Dashboard
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


def test_a_handler_that_can_no_longer_be_called_so_ends_at_the_deadline_all_the_same() -> None:
    script = (
        "import os, signal, time\n"
        "from lib.server import inner_parts\n"
        "from lib.server.stopping import Deadline\n"
        "signal.signal(signal.SIGTERM, lambda number, frame: frame.gone)\n"
        "Deadline(grace_s=0.3).install()\n"
        "assert [part.name for part in inner_parts.moved()]\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "time.sleep(20)\n"
    )
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 128 + signal.SIGTERM and time.monotonic() - begun < 10
    assert "Traceback" not in done.stderr and done.stderr.count("The server's own way to stop: not where") == 1
