"""Live session: see that an agent is ready, start it, hold the call, read what was said when it is over."""

from __future__ import annotations

import streamlit as st

from lib.ui.call import embed, ready, running

slots = embed.slots()
if slots is not None:
    running.draw_call(slots)
else:
    ready.draw_ready(unknown=st.query_params.get("session", ""))
