from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit import config
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.runtime.state.session_state import SessionState

from lib.ui.shell import streamlit_private
from tests.running import ROOT

FIELD = "$$ID-0123456789abcdef-field"


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = vars(SafeSessionState)[streamlit_private.WHOLE]
    monkeypatch.setattr(SafeSessionState, streamlit_private.WHOLE, getattr(whole, "whole", whole))


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Streamlit's settings as the console has them, and its own way to send them."""
    monkeypatch.setattr(config, "_main_script_path", str(ROOT / "app.py"))
    fill = getattr(app_session, streamlit_private.FILL)
    monkeypatch.setattr(app_session, streamlit_private.FILL, getattr(fill, "__wrapped__", fill))
    config.get_config_options(force_reparse=True)
    yield
    monkeypatch.undo()
    config.get_config_options(force_reparse=True)


def theme() -> bytes:
    """All its parts, put together as the start of a run does."""
    message = CustomThemeConfig()
    parts = {
        "theme": message,
        "theme.light": message.light,
        "theme.dark": message.dark,
        "theme.sidebar": message.sidebar,
        "theme.light.sidebar": message.light.sidebar,
        "theme.dark.sidebar": message.dark.sidebar,
    }
    for section, part in parts.items():
        getattr(app_session, streamlit_private.FILL)(part, section)
    return bytes(message.SerializeToString(deterministic=True))


def test_the_theme_that_is_sent_is_the_same_byte_for_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    before = theme()
    assert b"Manrope" in before
    streamlit_private.install()
    remembering = getattr(app_session, streamlit_private.FILL)
    assert theme() == before
    asked: list[str] = []
    monkeypatch.setattr(config, "get_options_for_section", asked.append)
    assert theme() == before
    assert asked == [], "the theme was put together anew"
    streamlit_private.install()
    assert getattr(app_session, streamlit_private.FILL) is remembering


def test_a_theme_that_was_changed_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    streamlit_private.install()
    assert b"#123456" not in theme()
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text('[theme.dark]\nprimaryColor = "#123456"\n', encoding="utf-8")
    monkeypatch.setattr(config, "_main_script_path", str(tmp_path / "app.py"))
    config.get_config_options(force_reparse=True)
    assert b"#123456" in theme()


def session() -> SafeSessionState:
    """A session with what pages put into it, and a field's value that the browser sent."""
    state = SessionState()
    state._key_id_mapper["field"] = FIELD
    state._old_state[FIELD] = "typed"
    state["mine"], state["nothing"] = {"a": 1}, None
    return SafeSessionState(state, lambda: None)


def test_a_field_finds_in_the_state_what_all_of_it_holds() -> None:
    safe = session()
    before = dict(safe.filtered_state)
    assert before == {"field": "typed", "mine": {"a": 1}, "nothing": None}
    streamlit_private.install()
    seen = safe.filtered_state
    assert dict(seen) == before
    assert seen == before
    assert len(seen) == 3
    assert repr(seen) == repr(before)
    assert "nothing" in seen and seen["nothing"] is None
    assert "absent" not in seen
    with pytest.raises(KeyError):
        seen["absent"]
    installed = vars(SafeSessionState)[streamlit_private.WHOLE]
    streamlit_private.install()
    assert vars(SafeSessionState)[streamlit_private.WHOLE] is installed


def test_one_key_is_looked_up_without_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    safe = session()
    streamlit_private.install()
    collected: list[object] = []
    monkeypatch.setattr(SessionState, "_keys", lambda state: collected.append(state) or set())
    assert "field" in safe.filtered_state and safe.filtered_state["mine"] == {"a": 1}
    assert not collected


def test_a_streamlit_that_keeps_these_elsewhere_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(app_session, streamlit_private.FILL)
    monkeypatch.delattr(SafeSessionState, streamlit_private.WHOLE)
    streamlit_private.install()
    assert not hasattr(app_session, streamlit_private.FILL)
    assert streamlit_private.WHOLE not in vars(SafeSessionState)
