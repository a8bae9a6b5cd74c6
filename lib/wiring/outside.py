"""What a command asks for while no dashboard runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lib.doctor.report import CheckId, CheckResult, HealthCheck, Report
from lib.errors import GreenroomError
from lib.services.diagnostics.configuration import Configuration
from lib.services.diagnostics.service import Diagnostics
from lib.services.modes.pipecat.worker_plan import missing_keys
from lib.settings import load
from lib.wiring import build
from lib.wiring.calls import launcher_of
from lib.wiring.clients import chat_client, daily_client, store_of, tavus_client

READY_WITHIN_S = 15.0


def report(root: Path) -> Report:
    """The diagnostics while no dashboard runs: no sandbox, no sweeper, and a database that is not there is not made."""
    loaded = load(root)
    settings = loaded.settings
    store, tavus, chat, daily = (
        store_of(loaded, root),
        tavus_client(loaded),
        chat_client(settings),
        daily_client(settings),
    )
    if settings.sandbox:
        tavus.reach_at("")

    def open_store() -> None:
        if store.exists():
            store.open()

    try:
        return Diagnostics(
            loaded=loaded,
            tavus=tavus,
            store=store,
            root=root,
            chat=chat,
            daily=daily,
            missing_keys=lambda: missing_keys(settings),
            workers=launcher_of(settings, root, lambda: store.meta("prefix")).list if settings.in_cluster else None,
            open_store=open_store,
        ).run(0)
    finally:
        for client in (tavus, chat, daily, store):
            if client is not None:
                client.close()


def paid_check(root: Path, agent_id: str, say: Callable[[str], None]) -> HealthCheck:
    """Hold a real call with this agent (""  for the first one) while no page is open, and end it. Billed.

    `say` is told what it costs before anything is sent. The sweeper runs as in a dashboard, and shares its work with
    one that runs beside this. On the sandbox nothing is done: it is part of a dashboard.
    """
    loaded = load(root)
    if loaded.settings.sandbox:
        return HealthCheck(
            CheckId.START_PAID, CheckResult.SKIP, "Not tried: without TAVUS_API_KEY there is nothing to pay."
        )
    services = build(root, loaded)
    try:
        services.open("")
        known = services.agents.all()
        if not known:
            return HealthCheck(
                CheckId.START_PAID, CheckResult.FAIL, "There is no agent to start.", "Make one on the Agents page."
            )
        agent = services.agents.get(agent_id) if agent_id else known[0]
        say(
            f"A real call of {agent.name!r} ({agent.id}) is started and ended as soon as its avatar is in the room. "
            f"Tavus bills it from its start to its end: usually under a minute, {loaded.settings.absent_timeout_s} s "
            "at the most, should this command be broken off. Ctrl-C ends it."
        )
        services.wait_until_ready(READY_WITHIN_S)
        check, hide = services.trial.paid(agent.id), Configuration(loaded).hide
        return replace(check, evidence=hide(check.evidence), fix=hide(check.fix))
    except GreenroomError as error:
        return HealthCheck(CheckId.START_PAID, CheckResult.FAIL, error.message, error.hint)
    finally:
        services.close()
