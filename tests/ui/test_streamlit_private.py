from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit import config, runtime
from streamlit.elements.lib import utils
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session, scriptrunner
from streamlit.runtime.scriptrunner import RerunData, RerunException
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.runtime.state.session_state import SessionState

from lib.server import inner_parts
from lib.ui.call import presence
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

    def collecting(state: SessionState) -> set[str]:
        collected.append(state)
        return set()

    monkeypatch.setattr(SessionState, "_keys", collecting)
    assert "field" in safe.filtered_state and safe.filtered_state["mine"] == {"a": 1}
    assert not collected


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """Gives the names of the parts that were lost in this test; they are as new before and after it."""
    for part in inner_parts._parts:
        monkeypatch.setattr(part, "lost", "")
    yield lambda: [part.name for part in inner_parts.moved()]


def test_a_streamlit_that_keeps_these_elsewhere_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, parts: Callable[[], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(app_session, streamlit_private.FILL)
    monkeypatch.delattr(SafeSessionState, streamlit_private.WHOLE)
    streamlit_private.install()
    streamlit_private.install()
    assert not hasattr(app_session, streamlit_private.FILL)
    assert streamlit_private.WHOLE not in vars(SafeSessionState)
    assert parts() == [streamlit_private.THEME.name, streamlit_private.STATE.name]
    assert len(caplog.records) == 2


def test_a_field_still_finds_its_key_where_the_state_lies_elsewhere(parts: Callable[[], list[str]]) -> None:
    streamlit_private.install()
    safe = session()
    seen: Any = safe.filtered_state
    object.__delattr__(safe, "_lock")
    object.__setattr__(safe, "_guard", threading.RLock())
    seen = streamlit_private._State(safe, lambda: {"mine": 1})
    assert seen["mine"] == 1 and "absent" not in seen
    assert seen.copy() == {"mine": 1}
    assert parts() == [streamlit_private.STATE.name]


def test_a_theme_that_can_no_longer_be_copied_is_sent_as_it_was(
    monkeypatch: pytest.MonkeyPatch, parts: Callable[[], list[str]]
) -> None:
    before = theme()
    streamlit_private.install()
    monkeypatch.setattr(streamlit_private, "type", lambda _: None, raising=False)
    assert theme() == before
    assert parts() == [streamlit_private.THEME.name]


def test_a_part_that_cards_need_is_told_of_before_one_is_drawn(
    monkeypatch: pytest.MonkeyPatch, parts: Callable[[], list[str]]
) -> None:
    monkeypatch.delattr(utils, "_register_element_id")
    streamlit_private._look_at_the_others.cache_clear()
    streamlit_private.install()
    assert parts() == [streamlit_private.AGAIN.name]


class Ended(BaseException):
    """What st.stop raises, and no newer run."""


def test_a_run_that_gives_way_to_a_newer_one_is_told_from_one_that_stopped() -> None:
    assert streamlit_private.cut_short(RerunException(RerunData()))
    assert not streamlit_private.cut_short(Ended())
    assert not streamlit_private.cut_short(ValueError())


def test_without_that_part_every_end_but_a_failure_lets_the_next_run_read_anew(
    monkeypatch: pytest.MonkeyPatch, parts: Callable[[], list[str]]
) -> None:
    monkeypatch.delattr(scriptrunner, "RerunException")
    assert streamlit_private.cut_short(Ended())
    assert not streamlit_private.cut_short(ValueError())
    assert parts() == [streamlit_private.CUT_SHORT.name]


@pytest.mark.parametrize("answer", [True, False])
def test_a_tab_is_connected_as_streamlit_says(
    monkeypatch: pytest.MonkeyPatch, parts: Callable[[], list[str]], answer: bool
) -> None:
    running(monkeypatch, lambda tab: answer)
    assert presence.connected("tab", time.monotonic() - 1000) is answer
    assert parts() == []


class Later:
    """What an async function gives: taken for an answer it would be a yes for ever."""


@pytest.mark.parametrize("says", [lambda: True, lambda tab: Later(), lambda tab: 1 / 0, lambda tab: "yes"])
def test_where_streamlit_says_it_no_more_a_tab_is_there_as_long_as_it_beats(
    monkeypatch: pytest.MonkeyPatch, parts: Callable[[], list[str]], says: Callable[..., object]
) -> None:
    running(monkeypatch, says)
    assert presence.connected("tab", time.monotonic() - 60)
    assert not presence.connected("tab", time.monotonic() - presence.SLOWEST_BEAT_S)
    assert parts() == [streamlit_private.CONNECTION.name]


def running(monkeypatch: pytest.MonkeyPatch, says: Callable[..., object]) -> None:
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: SimpleNamespace(is_active_session=says))
