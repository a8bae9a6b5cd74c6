"""Hostile names in every place where Streamlit reads markdown, and in HTML."""

import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from lib.ui.kit.text import html, md
from tests.browser.names.hostile import NAMES

for number, name in enumerate(NAMES):
    with st.container(key=f"name-{number}"):
        st.markdown(f"**{md(name)}** :gray[{md(name)}]")
        st.title(md(name), anchor=False)
        st.caption(md(name))
        st.badge(md(name))
        st.button(md(name), key=f"button-{number}")
        st.html(f'<p class="as-html" title="{html(name)}">{html(name)}</p>')
