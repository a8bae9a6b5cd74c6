"""Live session: see that an agent is ready, start it, hold the call, read what was said when it is over."""

from __future__ import annotations

import streamlit as st

from lib.ui import call_frame, live_call, live_ready

slots = call_frame.slots()
if slots is not None:
    live_call.draw(slots)
else:
    live_ready.draw(unknown=st.query_params.get("session", ""))
