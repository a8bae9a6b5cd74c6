"""All that Greenroom reaches for inside Streamlit beside its public names, each part under guard.

Three are hidden costs of every rerun, besides those of the server (see `lib.server`).

The theme: Streamlit sends it each time and puts it together anew for it. For each of its six sections a rerun looks at
every option that Streamlit has, and spells those of `.streamlit/config.toml` in another case with two regular
expressions: more processor time than an empty page takes. The theme changes only when the settings are read again, so
each section is made once and copied from then on.

The state: most fields ask whether the session holds None for them, and have the whole of it collected to look at their
own key. So a page of many fields pays for each of them with all of them, and with what other pages left. Here the one
key is looked up.

The third is what fields cost that nobody touched: a card of a gallery is sent again as it was, for all tabs alike.

The others say what no public name does: why a run ended, and whether a tab's connection is open.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, wraps
from inspect import signature
from typing import Any, TypeVar

import streamlit as st

from lib.server.inner_parts import InnerPart

FILL, WHOLE = "_populate_theme_msg", "filtered_state"

THEME = InnerPart("The theme's message", "Each rerun puts the theme together anew and takes some ms longer.")
STATE = InnerPart("The state of fields", "Pages of many fields take longer to draw.")
AGAIN = InnerPart("What a card sent before", "Pages of many cards take longer to draw.")
COLLECTION = InnerPart("The collection after a rerun", "Each rerun may collect garbage and take some 30 ms longer.")
CUT_SHORT = InnerPart("The end of a rerun", "Pages may ask Tavus again for lists that they have read just now.")
CONNECTION = InnerPart("The tabs' connections", "A call whose tab was closed ends up to 75 s later than it would.")

_OWN_ID = "streamlit_private_tab"

_MOST_SENT = 1_000
"""Cards are forgotten at this number, all at once: each holds a few kB."""

T = TypeVar("T")
_Fill = Callable[..., None]


def install() -> None:
    """Do without the first two costs from now on, in this process. Calling it again does nothing."""
    THEME.reach(_keep_theme)
    STATE.reach(_look_keys_up)
    _look_at_the_others()


@cache
def _look_at_the_others() -> None:
    """Once, before they are needed, so that Diagnostics tells of all."""
    COLLECTION.reach(lambda: st.get_option("runner.postScriptGC"))
    CUT_SHORT.reach(_rerun_exception)
    CONNECTION.reach(_connection_parts)
    AGAIN.reach(_again_parts)


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


# A card that is drawn again as it was


@dataclass
class _Sent:
    """What one card sent to the browser, and the fields in it."""

    messages: list[Any] = field(default_factory=list)
    fields: list[Any] = field(default_factory=list)

    @property
    def can_be_shared(self) -> bool:
        """A callback belongs to the tab that drew it."""
        return all(one.callback is None and one.callbacks is None for one in self.fields)


_sent: dict[Hashable, _Sent] = {}


def draw_again(parent: Any, draw: Callable[..., T | None], *shown: Hashable) -> T | None:
    """`draw(parent, *shown)`: adds one container with all that is shown to `parent`, returns what was clicked in it.

    `draw` is a function of a module that looks at nothing but what it is given. As long as no field in it is used it
    is called once for all tabs: later runs send again what it sent then, at a third of the cost.
    """
    place = None if AGAIN.lost else AGAIN.reach(lambda: _next_place(parent))
    if place is None:
        return draw(parent, *shown)
    key = (place, draw, shown)
    known = _sent.get(key)
    if known is not None:
        if AGAIN.reach(lambda: _send_again(parent, known)):
            return None
        return draw(parent, *shown)
    with _noted() as sent:
        clicked = draw(parent, *shown)
    if sent is not None and sent.can_be_shared:
        if len(_sent) >= _MOST_SENT:
            _sent.clear()
        _sent[key] = sent
    return clicked


def _again_parts() -> None:
    from streamlit.cursor import RunningCursor
    from streamlit.elements.lib.utils import _register_element_id
    from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext, ThreadState
    from streamlit.runtime.state.safe_session_state import SafeSessionState
    from streamlit.runtime.state.widgets import register_widget_from_metadata

    signature(_register_element_id).bind("run", "type", "id")
    signature(register_widget_from_metadata).bind("metadata", "run")
    signature(ScriptRunContext.enqueue).bind("run", "message")
    signature(SafeSessionState.register_widget).bind("state", "metadata", "key")
    signature(RunningCursor.open_block).bind("cursor")
    signature(ThreadState.get).bind()
    _run()


def _run() -> Any:
    """The run that this thread is in, None outside of one."""
    from streamlit.runtime.scriptrunner_utils.script_run_context_attr import SCRIPT_RUN_CONTEXT_ATTR_NAME

    return getattr(threading.current_thread(), SCRIPT_RUN_CONTEXT_ATTR_NAME, None)


def _next_place(parent: Any) -> Hashable | None:
    """Where on which page the next element of `parent` goes; None where what is sent is not the browser's alone."""
    from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

    if st.get_option("global.appTest") or st.get_option("server.enableAgentApi"):
        return None
    thread = ThreadState.get()
    return None if thread.fragment_id else (thread.active_script_hash, *parent._cursor.delta_path)


def _send_again(parent: Any, sent: _Sent) -> bool:
    """False, and nothing is sent, if one of its fields was used."""
    from streamlit.elements.lib.utils import _register_element_id
    from streamlit.runtime.state.widgets import register_widget_from_metadata

    run = _run()
    if any(register_widget_from_metadata(one, run).value for one in sent.fields):
        return False
    for one in sent.fields:
        _register_element_id(run, one.value_type, one.id)
    parent._cursor.open_block()
    for message in sent.messages:
        run.enqueue(_copied(message))
    return True


def _copied(message: Any) -> Any:
    """So that whatever is done to a message on its way stays with its tab."""
    copied = type(message)()
    copied.CopyFrom(message)
    return copied


@contextmanager
def _noted() -> Iterator[_Sent | None]:
    """What the run sends meanwhile; None if that can't be known."""
    sent = _Sent()
    undo = AGAIN.reach(lambda: _note(sent))
    try:
        yield sent if undo else None
    finally:
        if undo:
            undo()


def _note(sent: _Sent) -> Callable[[], None]:
    """Let the run's own methods note what they are given; returns what takes that back."""
    run = _run()
    enqueue, register = run.enqueue, run.session_state.register_widget

    def send(message: Any) -> None:
        enqueue(message)
        sent.messages.append(_copied(message))

    def add(metadata: Any, user_key: str | None) -> Any:
        sent.fields.append(metadata)
        return register(metadata, user_key)

    noting = ((vars(run), "enqueue", send), (vars(run.session_state), "register_widget", add))
    before = [own.get(name) for own, name, _ in noting]
    for own, name, method in noting:
        own[name] = method

    def undo() -> None:
        for (own, name, _), method in zip(noting, before, strict=True):
            if method is None:
                own.pop(name, None)
            else:
                own[name] = method

    return undo
