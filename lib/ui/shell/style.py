"""The stylesheet and the drawn marks: read once, drawn by the frame on every run."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from pathlib import Path

import streamlit as st

from lib.ui.kit import places


def draw_style(*, hide_call: bool) -> None:
    """Send the stylesheet. `hide_call` keeps the call frame alive but out of sight (see call_frame)."""
    st.html(_sheet(st.context.theme.type or "light dark", hide_call))


def dark() -> bool:
    return st.context.theme.type == "dark"


@cache
def _sheet(scheme: str, hide_call: bool) -> str:
    # Dialogs and menus hang outside the app's own colour scheme, where light-dark() would answer "light".
    css = re.sub(r"/\*.*?\*/", "", (Path(__file__).parent / "style.css").read_text("utf-8"), flags=re.S)
    css = re.sub(r"\s*\n\s*", "", css)
    hidden = '[data-testid="stLayoutWrapper"]:has(>.st-key-call-area){display:none}' if hide_call else ""
    return f"<style>:root{{color-scheme:{scheme}}}{css}{hidden}</style>"


@cache
def mark(name: str) -> str:
    """A drawing of `static/` as a data URI, so that it needs no request and no static file serving."""
    drawing = (places.STATIC / f"{name}.svg").read_bytes()
    return "data:image/svg+xml;base64," + b64encode(drawing).decode()
