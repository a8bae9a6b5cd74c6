"""Settings -> built services: the one room that names them all.

`build` makes everything and asks nobody anything; `Services.open` opens the database and starts the sweeper, once the
server's address is known; `Services.close` stops what runs. `current` is what the pages of this process use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lib import sandbox
from lib.errors import SettingsWrong
from lib.redaction import Redaction
from lib.services.agents.service import Agents
from lib.services.callbacks.inbox import CallbackInbox
from lib.services.catalogue.catalogue import Catalogue
from lib.services.catalogue.replicas import Replicas
from lib.services.chat.responder import Responder
from lib.services.chat.sessions import ChatSessions
from lib.services.diagnostics.local import Moved
from lib.services.diagnostics.service import Diagnostics
from lib.services.diagnostics.trial import Trial
from lib.services.inspector.journal import Journal
from lib.services.inspector.service import Inspector
from lib.services.ledger.ledger import Ledger
from lib.services.library.attaching import Attaching
from lib.services.library.service import Library
from lib.services.modes.mode import SessionMode
from lib.services.personas.history import PersonaHistory
from lib.services.personas.service import Personas
from lib.services.records.archive import Archive
from lib.services.records.retention import Retention
from lib.settings import Loaded, load
from lib.wiring.calls import calls_of
from lib.wiring.clients import SANDBOX_ACCOUNT, SANDBOX_KEY, account_of, chat_client, keys_of, store_of, tavus_client
from lib.wiring.services import Address, Services

__all__ = ["SANDBOX_ACCOUNT", "SANDBOX_KEY", "Services", "account_of", "build", "calls_of", "current", "install"]


def build(
    root: Path,
    loaded: Loaded | None = None,
    *,
    more_modes: Sequence[SessionMode] = (),
    mode: str = "",
    moved: Callable[[], Sequence[Moved]] | None = None,
) -> Services:
    """Make all services from the settings of the project at `root`. Does no I/O but reading settings files.

    `more_modes` are ways to hold a session besides Greenroom's own; `mode` names the one that calls start in, by
    default that of TAVUS_AVATAR_MODE. `moved` tells which inner parts of the server and of Streamlit were not found,
    where they run in this process.
    """
    loaded = loaded or load(root)
    settings = loaded.settings
    address = Address()
    store = store_of(loaded, root)
    chat = chat_client(settings)
    responder = Responder(chat)
    account = account_of(loaded)
    redaction = Redaction(keys_of(loaded))
    journal = Journal(store, account, redaction, keep_days=settings.retention_days)
    tavus = tavus_client(loaded, journal.record, redaction)
    sandbox_app = None
    if settings.sandbox:
        sandbox_app = sandbox.create(reply=responder.reply, state_path=store.directory / "sandbox.db")
    history = PersonaHistory(store, account=account)
    catalogue = Catalogue(tavus, personas_read=history.swept)
    replicas = Replicas(tavus, catalogue)
    agents = Agents(
        store,
        account=account,
        most=settings.limits,
        default_replica_id=settings.tavus_default_replica_id,
        check_replica=replicas.check,
        persona_was=history.last_name,
    )
    personas = Personas(tavus, catalogue, agents, history)
    library = Library(tavus)
    ledger = Ledger(store, account, settings.limits)
    retention = Retention(
        ledger,
        lambda name: tavus.conversations.delete(conversation_id=name, hard=True),
        days=settings.retention_days,
        at_tavus=settings.retention_at_tavus,
    )
    calls = calls_of(
        loaded,
        ledger,
        tavus,
        agents=agents,
        catalogue=catalogue,
        own_base=lambda: address.base,
        answering=address.answers if sandbox_app is not None else lambda: True,
        chores=retention.tend,
        root=root,
        responder=responder,
        more_modes=more_modes,
        mode=mode,
    )
    return Services(
        loaded=loaded,
        account=account,
        store=store,
        tavus=tavus,
        catalogue=catalogue,
        personas=personas,
        persona_history=history,
        library=library,
        attaching=Attaching(library, personas, catalogue),
        agents=agents,
        sessions=calls.sessions,
        archive=Archive(ledger, minutes_a_day=settings.daily_minutes, price_per_minute=settings.price_per_minute),
        retention=retention,
        responder=responder,
        chats=ChatSessions(ledger, catalogue, responder),
        inspector=Inspector(
            store, account, journal, redaction, base_url=lambda: tavus.base_url, sandbox=settings.sandbox
        ),
        callbacks=CallbackInbox(store, journal, redaction, hint=calls.sessions.hint),
        diagnostics=Diagnostics(
            loaded=loaded,
            tavus=tavus,
            store=store,
            root=root,
            chat=chat,
            allowance=calls.sessions.allowance,
            missing_keys=calls.pipecat.missing_keys,
            daily=calls.pipecat.daily,
            workers=calls.launcher.list if settings.in_cluster else None,
            standings=lambda facts: tuple(mode.standing(facts) for mode in calls.modes),
            moved=moved,
            background=calls.sweeper.state,
        ),
        trial=Trial(agents=agents, planner=calls.planner, phoenix=calls.phoenix, sessions=calls.sessions),
        sandbox_app=sandbox_app,
        _address=address,
        _gate=calls.gate,
        _sweeper=calls.sweeper,
        _starting=calls.starting,
        _journal=journal,
        modes=calls.modes,
        planner=calls.planner,
        pipecat=calls.pipecat,
        heard=calls.heard,
        kill_switch=calls.kill_switch,
    )


_current: list[Services] = []


def install(services: Services | None) -> None:
    """Make these the services of this process (None: there are none any more)."""
    _current[:] = [services] if services else []


def current() -> Services:
    """The services of this process. Raises SettingsWrong before the server has built them."""
    if not _current:
        raise SettingsWrong("Greenroom is still starting up.", hint="Reload in a moment.")
    return _current[0]
