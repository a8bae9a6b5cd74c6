"""Diagnostics: try an agent's start, free or for real. What came of it stays until the next try."""

from __future__ import annotations

import streamlit as st

from lib.models import Agent
from lib.services.diagnostics.service import CheckResult, HealthCheck
from lib.ui.kit import context, editing, parts
from lib.ui.kit.text import md, plain, span

KINDS: dict[CheckResult, parts.Kind] = {CheckResult.PASS: "good", CheckResult.LOOK: "warn", CheckResult.FAIL: "bad"}
RESULT, WANTED = "diagnostics_tried", "diagnostics_pay"


def draw_trial() -> None:
    """The choice of an agent, both ways to try it, and what came of the last try."""
    services = context.services()
    agents = {agent.id: agent for agent in services.agents.all()}
    if not agents:
        return
    with st.container(border=True, key="side-try", gap="small"):
        st.header("Try an agent", anchor=False)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
            chosen = st.selectbox(
                "Agent", list(agents), format_func=lambda key: plain(agents[key].name, 80), key="diagnostics_agent"
            )
            free = st.button("Check its start, free", icon=":material/verified:", key="diagnostics_free")
            paid = st.button("Hold a real call", icon=":material/sensors:", key="diagnostics_paid")
        whom = "the sandbox" if services.sandbox else "Tavus"
        st.caption(
            f"Free: {whom} is sent the agent's own settings in Tavus's test mode. Real: the call is started, the "
            "avatar awaited, and the call ended at once."
        )
    agent = agents[chosen or next(iter(agents))]
    if free:
        with st.spinner("Asking"):
            st.session_state[RESULT] = services.trial.free(agent.id)
    if paid:
        confirm_trial(agent, sandbox=services.sandbox, absent_s=services.loaded.settings.absent_timeout_s)
    if st.session_state.pop(WANTED, None) == agent.id:
        with st.spinner("The call is held: this takes up to a minute and a half"):
            st.session_state[RESULT] = services.trial.paid(agent.id)
    last: HealthCheck | None = st.session_state.get(RESULT)
    if last is not None:
        parts.banner(KINDS[last.result], f"{last.name}: {last.evidence}", last.fix, key="tried")


@st.dialog("Hold a real call?", icon=":material/payments:")
def confirm_trial(agent: Agent, *, sandbox: bool, absent_s: int) -> None:
    """Says what it costs before anything is started."""
    cost = "On the sandbox nothing is billed." if sandbox else (
        f"Tavus bills it from its start to its end: usually well under a minute, {span(absent_s)} at the most, should "
        "this console fail meanwhile."
    )  # fmt: skip
    st.markdown(f"**{md(agent.name, 120)}** is started like any call, and ended as soon as its avatar is in the room.")
    st.markdown(f":gray[{md(cost)} It counts against today's limits and is kept in History.]")
    dont, hold = ("Don't", "diagnostics_dont"), ("Hold the call", "diagnostics_hold")
    editing.confirm(dont, hold, want, agent.id, primary=True)


def want(agent_id: str) -> None:
    st.session_state[WANTED] = agent_id
