"""A click in the menu on the page that is open already: it leads back to the page's list.

Streamlit runs the same page once more then, with the address as it is, so that a persona or an agent that is open
stays open and the menu looks broken. That run is asked for with the old address, so ours has to be asked for after it.
"""

from __future__ import annotations

import streamlit as st

# Clicks are heard by the script of lib/server/index_page.py, from before the menu is drawn.
_JS = """
export default function ({ setTriggerValue }) {
  const menu = window.greenroomMenu;
  menu.again = () => {
    if (menu.waiting && location.search) setTriggerValue("again", Date.now());
    menu.waiting = false;
  };
  menu.again();
}
"""


def again() -> bool:
    """True if the open page's own entry was clicked. Call it once a run, before the page."""
    html = '<span class="gr-unseen"></span>'
    watch = st.components.v2.component("greenroom_menu", html=html, js=_JS, isolate_styles=False)
    # Without a key: Streamlit builds the state of a component that has one anew for each field on the page.
    return bool(watch(on_again_change=lambda: None).get("again"))
