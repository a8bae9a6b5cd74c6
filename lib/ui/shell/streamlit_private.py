"""All that Greenroom reaches for inside Streamlit beside its public names, each part under guard.

Two are hidden costs of every rerun, besides those of the server (see `lib.server`).

The theme: Streamlit sends it each time and puts it together anew for it. For each of its six sections a rerun looks at
every option that Streamlit has, and spells those of `.streamlit/config.toml` in another case with two regular
expressions: more processor time than an empty page takes. The theme changes only when the settings are read again, so
each section is made once and copied from then on.

The state: most fields ask whether the session holds None for them, and have the whole of it collected to look at their
own key. So a page of many fields pays for each of them with all of them, and with what other pages left. Here the one
key is looked up.

The others say what no public name does: why a run ended, and whether a tab's connection is open.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import cache, wraps
from inspect import signature
from typing import Any

import streamlit as st

from lib.server.inner_parts import InnerPart

FILL, WHOLE = "_populate_theme_msg", "filtered_state"

THEME = InnerPart("The theme's message", "Each rerun puts the theme together anew and takes some ms longer.")
STATE = InnerPart("The state of fields", "Pages of many fields take longer to draw.")
COLLECTION = InnerPart("The collection after a rerun", "Each rerun may collect garbage and take some 30 ms longer.")
CUT_SHORT = InnerPart("The end of a rerun", "Pages may ask Tavus again for lists that they have read just now.")
CONNECTION = InnerPart("The tabs' connections", "A call whose tab was closed ends up to 75 s later than it would.")

_OWN_ID = "streamlit_private_tab"

_Fill = Callable[..., None]


def install() -> None:
    """Do without both costs from now on, in this process. Calling it again does nothing."""
    THEME.reach(_keep_theme)
    STATE.reach(_look_keys_up)
    _look_at_the_others()


@cache
def _look_at_the_others() -> None:
    """Once, before they are needed, so that Diagnostics tells of all."""
    COLLECTION.reach(lambda: st.get_option("runner.postScriptGC"))
    CUT_SHORT.reach(_rerun_exception)
    CONNECTION.reach(_connection_parts)


# The end of a run


def cut_short(error: BaseException) -> bool:
    """Whether a run ends with this because a newer one takes its place.

    Without the part every end that is no failure counts as one: reading too often is better than showing what is old.
    """
    kind = CUT_SHORT.reach(_rerun_exception)
    return isinstance(error, kind) if kind is not None else not isinstance(error, Exception)


def _rerun_exception() -> type[BaseException]:
    from streamlit.runtime.scriptrunner import RerunException

    if not issubclass(RerunException, BaseException):
        raise TypeError("RerunException is no exception")
    return RerunException


# Tabs


def tab() -> str:
    """A name for the tab that this run draws, the same in each of its runs: Streamlit's own, else one of ours."""
    return CONNECTION.reach(_session_id) or str(st.session_state.setdefault(_OWN_ID, uuid.uuid4().hex))


def connected(tab: str) -> bool | None:
    """Whether the browser's connection of this tab is open; None if that can't be known. Any thread may ask."""
    known = CONNECTION.reach(lambda: _is_connected(tab))
    return None if CONNECTION.lost else known


def _connection_parts() -> None:
    from streamlit import runtime
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    signature(get_script_run_ctx).bind()
    if runtime.exists():
        signature(runtime.get_instance().is_active_session).bind("tab")


def _session_id() -> str:
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    run = get_script_run_ctx()
    if run is None or not isinstance(run.session_id, str):
        raise TypeError("a run does not know its session")
    return run.session_id


def _is_connected(tab: str) -> bool:
    from streamlit import runtime

    known = runtime.exists() and runtime.get_instance().is_active_session(tab)
    if not isinstance(known, bool):  # a coroutine would pass for True for ever, and keep a call that nobody watches
        raise TypeError(f"is_active_session gave {type(known).__name__}")
    return known


# The theme


def _keep_theme() -> None:
    from streamlit.runtime import app_session

    fill = getattr(app_session, FILL)
    if hasattr(fill, "__wrapped__"):
        return
    if list(signature(fill).parameters) != ["msg", "section"]:
        raise TypeError(f"{FILL}{signature(fill)}")
    setattr(app_session, FILL, _remembering(fill))


def _remembering(fill: _Fill) -> _Fill:
    from streamlit import config

    made: dict[str, Any] = {}
    config.on_config_parsed(made.clear, force_connect=True)

    def copy(message: Any, section: str) -> bool:
        known = made.get(section)
        if known is None:
            known = type(message)()
            fill(known, section)
            made[section] = known
        if known.ListFields():  # a part that is set to nothing would be sent, one that is not touched is not
            message.MergeFrom(known)
        return True

    @wraps(fill)
    def copied(msg: Any, section: str = "theme") -> None:
        if not THEME.reach(lambda: copy(msg, section)):
            fill(msg, section)

    return copied


# The state


def _look_keys_up() -> None:
    from streamlit.runtime.state.safe_session_state import SafeSessionState

    whole = vars(SafeSessionState)[WHOLE]
    if isinstance(whole, _LookedUp):
        return
    if not isinstance(whole, property):
        raise TypeError(f"{WHOLE} is no property")
    setattr(SafeSessionState, WHOLE, _LookedUp(whole))


class _LookedUp(property):
    """The property `whole`, of which only what is asked for is read."""

    def __init__(self, whole: property) -> None:
        super().__init__(lambda state: _State(state, lambda: whole.__get__(state)))
        self.whole = whole


class _State(Mapping[str, Any]):
    """The values of a session by the keys that the pages gave, as `whole` has them."""

    def __init__(self, state: Any, whole: Callable[[], dict[str, Any]]) -> None:
        self._state, self._whole = state, whole

    def __getitem__(self, key: str) -> Any:
        # Not through the wrapper: it may end the run between a field's two looks, which collecting all never did.
        try:
            with self._state._lock:
                return self._state._state[key]
        except KeyError:
            raise
        except Exception as error:  # noqa: BLE001
            STATE.lose(error)
            return self._whole()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def __repr__(self) -> str:
        return repr(self._whole())

    def __getattr__(self, name: str) -> Any:
        """What else the whole of it can do."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._whole(), name)
