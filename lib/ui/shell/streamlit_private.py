"""Two more hidden costs of every rerun, besides those of the server (see `lib/api`).

The theme: Streamlit sends it each time and puts it together anew for it. For each of its six sections a rerun looks at
every option that Streamlit has, and spells those of `.streamlit/config.toml` in another case with two regular
expressions: more processor time than an empty page takes. The theme changes only when the settings are read again, so
each section is made once and copied from then on.

The state: most fields ask whether the session holds None for them, and have the whole of it collected to look at their
own key. So a page of many fields pays for each of them with all of them, and with what other pages left. Here the one
key is looked up.

Where Streamlit keeps these elsewhere in a later version, nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

from streamlit import config
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from streamlit.runtime.state.safe_session_state import SafeSessionState

FILL, WHOLE = "_populate_theme_msg", "filtered_state"

_Fill = Callable[..., None]


def install() -> None:
    """Do without both from now on, in this process. Calling it again does nothing."""
    fill = getattr(app_session, FILL, None)
    if callable(fill) and not hasattr(fill, "__wrapped__"):
        setattr(app_session, FILL, _remembering(fill))
    whole = vars(SafeSessionState).get(WHOLE)
    if isinstance(whole, property) and not isinstance(whole, _LookedUp):
        setattr(SafeSessionState, WHOLE, _LookedUp(whole))


def _remembering(fill: _Fill) -> _Fill:
    made: dict[str, CustomThemeConfig] = {}
    config.on_config_parsed(made.clear, force_connect=True)

    @wraps(fill)
    def copied(message: CustomThemeConfig, section: str = "theme") -> None:
        known = made.get(section)
        if known is None:
            known = CustomThemeConfig()
            fill(known, section)
            made[section] = known
        if known.ListFields():  # a part that is set to nothing would be sent, one that is not touched is not
            message.MergeFrom(known)

    return copied


class _LookedUp(property):
    """The property `whole`, of which only what is asked for is read."""

    def __init__(self, whole: property) -> None:
        super().__init__(lambda state: _State(state, lambda: whole.__get__(state)))
        self.whole = whole


class _State(Mapping[str, Any]):
    """The values of a session by the keys that the pages gave, as `whole` has them."""

    def __init__(self, state: SafeSessionState, whole: Callable[[], dict[str, Any]]) -> None:
        self._state, self._whole = state, whole

    def __getitem__(self, key: str) -> Any:
        # Not through the wrapper: it may end the run between a field's two looks, which collecting all never did.
        with self._state._lock:
            return self._state._state[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def __repr__(self) -> str:
        return repr(self._whole())
