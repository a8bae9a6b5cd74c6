"""A page of cards that tells how often each was made. As a script it draws them."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from lib.ui.shell import streamlit_private

made: Counter[str] = Counter()


def card(grid: st.delta_generator.DeltaGenerator, name: str) -> str | None:
    made[name] += 1
    with grid.container(border=True, key=f"card-{name}"):
        st.html(f"<b>{name}</b>" + "long " * 500)
        pressed = st.button("Press", key=f"press-{name}")
        word = st.menu_button("More", ["One", "Two"], key=f"menu-{name}")
    return f"{name} pressed" if pressed else f"{name} {word}" if word else None


def calling(grid: st.delta_generator.DeltaGenerator, name: str) -> None:
    """Its click is heard by a function of the run that drew it."""
    made[name] += 1
    with grid.container(key=f"calling-{name}"):
        st.button("Call", key=f"call-{name}", on_click=lambda: None)


def page() -> None:
    asked = st.query_params.get("asked")
    grid = st.grid("auto", min_column_width=200)
    names = ("Ada", "Cleo" if asked == "another" else "Bob")
    clicked = [streamlit_private.draw_again(grid, card, name) for name in names]
    if asked == "callback":
        streamlit_private.draw_again(grid, calling, "Eve")
    st.caption(f"clicked {[one for one in clicked if one]}, made {sorted(made.items())}")
    if asked == "key":
        st.button("The key of a card", key="press-Ada")
