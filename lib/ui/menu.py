"""A click in the menu on the page that is open already: it leads back to the page's list.

Streamlit runs the same page once more then, with the address as it is, so that a persona or an agent that is open
stays open and the menu looks broken. That run is asked for with the old address, so ours has to be asked for after it.
"""

from __future__ import annotations

import streamlit as st

_JS = """
export default function ({ setTriggerValue }) {
  const menu = document.querySelector("[data-testid=stSidebarNav]");
  if (!menu) return;
  menu.send = setTriggerValue;
  if (menu.heard) return;
  menu.heard = true;
  menu.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const there = new URL(link.href);
    if (there.pathname === location.pathname && location.search) setTimeout(() => menu.send("again", Date.now()));
  });
}
"""


def again() -> bool:
    """True if the open page's own entry was clicked. Call it once a run, before the page."""
    html = '<span class="gr-unseen"></span>'
    watch = st.components.v2.component("greenroom_menu", html=html, js=_JS, isolate_styles=False)
    # Without a key: Streamlit builds the state of a component that has one anew for each field on the page.
    return bool(watch(on_again_change=lambda: None).get("again"))
