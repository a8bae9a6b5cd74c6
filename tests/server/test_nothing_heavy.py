"""The dashboard pays nothing for the worker: none of its packages is ever loaded, though they could be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.bot.calls import PIPECAT
from tests.loaded import HEAVY, heavy_among, site_of_worker
from tests.running import Dashboard
from tests.websocket import Tab

PAGES = ("home", "live", "history", "personas", "agents", "replicas", "library", "inspector", "diagnostics")


def test_no_page_of_the_mode_pipecat_daily_loads_a_package_of_the_worker(tmp_path: Path) -> None:
    site = site_of_worker()
    env = {**PIPECAT, "LOADED_INTO": str(tmp_path / "loaded"), "LOADED_BESIDES": str(site or "")}
    with Dashboard(env=env, module="tests.loaded") as console, Tab(console.url) as tab:
        for page in PAGES:
            tab.run(page="" if page == "home" else page)
    loaded = (tmp_path / "loaded").read_text(encoding="utf-8").split()
    assert "streamlit" in loaded and "lib.services.modes.pipecat.mode" in loaded
    assert heavy_among(loaded, site) == []


@pytest.mark.parametrize("name", HEAVY)
def test_each_of_them_would_be_found(name: str) -> None:
    assert heavy_among([*sys.modules, f"{name}.part"], None) == [name]
