"""A system that lets a process open few files holds nobody up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.running import Dashboard
from tests.websocket import Tab

FEW, MOST, TABS = 128, 4_096, 60
LIMITED = "import resource, runpy\nresource.setrlimit(resource.RLIMIT_NOFILE, ({few}, {most}))\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_dashboard_that_may_open_few_files_asks_for_more(tmp_path: Path) -> None:
    (tmp_path / "limited.py").write_text(
        LIMITED.format(few=FEW, most=MOST) + 'runpy.run_module("streamlit", run_name="__main__", alter_sys=True)\n'
    )
    with Dashboard(env={"PYTHONPATH": str(tmp_path)}, module="limited") as dashboard:
        for _ in range(TABS):
            with Tab(dashboard.url) as tab:
                assert tab.run(page="home")
        assert "Too many open files" not in dashboard.log
