"""The entry script of the dashboard: what stands around every page, then the page itself.

It lies here and not at the root, because Streamlit would take a folder `pages` beside the entry script for its own
older kind of pages, and draw a deep link without this frame.
"""

from __future__ import annotations

import streamlit as st

from lib.errors import GreenroomError, SettingsWrong
from lib.ui.call import embed
from lib.ui.kit import context, parts, places
from lib.ui.shell import menu, streamlit_private, style
from lib.wiring import Services

_AT = "frame_at"


def navigation() -> st.Page:
    """The page to run. Pages are made once a tab: making one looks its file up on the disk."""
    if "frame_pages" not in st.session_state:
        st.session_state["frame_pages"] = pages()
    return st.navigation(st.session_state["frame_pages"], expanded=True)


def pages() -> dict[str, list[st.Page]]:
    return {
        "": [
            st.Page(places.HOME, title="Home", icon=":material/home:", default=True),
            st.Page(places.LIVE, title="Live session", icon=":material/sensors:"),
        ],
        "Prepare": [
            st.Page(places.PERSONAS, title="Personas", icon=":material/person_edit:"),
            st.Page(places.REPLICAS, title="Replicas", icon=":material/face:"),
            st.Page(places.AGENTS, title="Agents", icon=":material/smart_display:"),
            st.Page(places.LIBRARY, title="Knowledge & rules", icon=":material/menu_book:"),
        ],
        "Review": [
            st.Page(places.HISTORY, title="History", icon=":material/history:"),
            st.Page(places.SESSION, title="Session", visibility="hidden"),
        ],
        "System": [
            st.Page(places.DIAGNOSTICS, title="Diagnostics", icon=":material/stethoscope:"),
            st.Page(places.INSPECTOR, title="Inspector", icon=":material/swap_vert:"),
        ],
    }


def place(url_path: str) -> str:
    """What counts as one visit: a page, with the session or the kind that makes it another one."""
    return f"{url_path}?{st.query_params.get('session', '')}{st.query_params.get('kind', '')}"


def by_address(at: str) -> None:
    """A page that is newly opened shows what its address names, and no filter of an earlier page or visit.

    Streamlit keeps the values of widgets that are bound to the address: those would be added to a link's own, each
    with a step in the browser's history, and hide what the link is about.
    """
    if st.session_state.get(_AT) == at:
        return
    st.session_state[_AT] = at
    for name in places.BOUND:
        if name not in st.query_params:
            st.session_state.pop(name, None)


def account_note(sandbox: bool) -> None:
    """Says whether calls are billed: under the menu, and above the title on a phone, where the menu is shut."""
    chip = parts.chip_html("sandbox" if sandbox else "billed")
    hint = '<p class="gr-hint">Set <code>TAVUS_API_KEY</code> to call Tavus.</p>' if sandbox else ""
    st.sidebar.html(chip + hint)
    st.html(f'<div class="gr-only-phone">{chip}</div>')


def settings_note(services: Services, at: str) -> None:
    """A wrong setting: a tab opened at Home goes to Diagnostics, and every other page says so in one line."""
    problems = services.loaded.problems
    if not problems:
        return
    greeted = "frame_greeted" in st.session_state
    st.session_state["frame_greeted"] = True
    if at == "diagnostics" or (at == "live" and _refusal_says_it()):
        return
    if not greeted and not at:
        st.switch_page(places.DIAGNOSTICS)
    names = ", ".join(problem.name for problem in problems)
    with parts.banner("warn", f"To mend: {names}.", "No avatar starts until it is mended.", key="settings"):
        if st.button("Open Diagnostics", key="frame_diagnostics"):
            st.switch_page(places.DIAGNOSTICS)


def _refusal_says_it() -> bool:
    """Whether the session on the page names the wrong settings itself, as they refused it its avatar."""
    slots = embed.slots()
    return slots is not None and slots.session.status.open and slots.session.reason_code == SettingsWrong.code


def main() -> None:
    streamlit_private.install()
    st.set_page_config(page_title="Greenroom", page_icon=style.mark("favicon"), layout="wide")
    page = navigation()
    on_live = page.url_path == "live"
    style.draw_style(hide_call=not on_live)
    st.logo(style.mark("wordmark-dark" if style.dark() else "wordmark-light"), size="medium")
    services = wired()
    # The places come in the same order in every run: an element that moves is drawn anew, and the call with it.
    if services is not None:
        account_note(services.sandbox)
    notes = st.container()
    if menu.again():
        st.query_params.clear()
        st.rerun()
    by_address(page.url_path)
    embed.draw_call_frame(services, on_live)
    if services is not None:
        with notes:
            settings_note(services, page.url_path)
    with context.visit(place(page.url_path)):
        page.run()


def wired() -> Services | None:
    """The services; None if they could not be built, which each page then explains in its own place."""
    try:
        return context.services()
    except GreenroomError:
        return None


main()
