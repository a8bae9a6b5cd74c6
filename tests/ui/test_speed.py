from __future__ import annotations

import pytest
from streamlit import config
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from streamlit.string_util import to_snake_case

from lib.ui import speed
from tests.running import ROOT


def theme() -> bytes:
    message = CustomThemeConfig()
    for part, section in ((message, "theme"), (message.light, "theme.light"), (message.dark, "theme.dark")):
        app_session._populate_theme_msg(part, section)
    return bytes(message.SerializeToString(deterministic=True))


def test_the_theme_that_is_sent_is_the_same_byte_for_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_main_script_path", str(ROOT / "app.py"))
    monkeypatch.setattr(app_session, speed.SPELL, to_snake_case)
    config.get_config_options(force_reparse=True)
    before = theme()
    speed.install()
    assert theme() == before
    assert b"Manrope" in before
    remembered = getattr(app_session, speed.SPELL)
    assert theme() == before
    assert remembered.cache_info().hits > 50
    speed.install()
    assert getattr(app_session, speed.SPELL) is remembered


def test_a_streamlit_that_keeps_it_elsewhere_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(app_session, speed.SPELL)
    speed.install()
    assert not hasattr(app_session, speed.SPELL)
