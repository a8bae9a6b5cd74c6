"""Settings -> built services: the one module that names them all.

`build` makes everything and asks nobody anything; `Services.open` opens the database and starts the sweeper, once the
server's address is known; `Services.close` stops what runs. `current` is what the pages of this process use.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import requests
from pydantic import SecretStr
from starlette.applications import Starlette

from lib import sandbox
from lib.clients import rooms
from lib.clients.chat import ChatClient
from lib.clients.daily import Daily
from lib.clients.tavus import Tavus
from lib.clients.transport import Call
from lib.doctor.command import PAID
from lib.doctor.probe import worker_python
from lib.doctor.report import Check, Outcome, Report
from lib.errors import GreenroomError, SettingsWrong, StoreRefused
from lib.services import export
from lib.services.agents import Agents
from lib.services.ages import Ages
from lib.services.breaker import Breaker
from lib.services.call_settings import Most
from lib.services.catalogue import Catalogue
from lib.services.chat import Responder
from lib.services.claims import Claims
from lib.services.diagnostics.configuration import Configuration
from lib.services.diagnostics.service import Diagnostics
from lib.services.diagnostics.trial import Trial
from lib.services.heard import Heard
from lib.services.inspector.journal import Journal
from lib.services.inspector.redaction import Redaction
from lib.services.inspector.service import Inspector
from lib.services.kill_switch import KillSwitch
from lib.services.lease import Lease, new_owner
from lib.services.ledger import Ledger
from lib.services.library.attaching import Attaching
from lib.services.library.service import Library
from lib.services.modes.choice import Modes
from lib.services.modes.cluster import Cluster
from lib.services.modes.kubernetes import KubernetesLauncher
from lib.services.modes.launcher import Launcher
from lib.services.modes.left_workers import LeftWorkers
from lib.services.modes.limits import Limits
from lib.services.modes.phoenix_rest import PhoenixRest
from lib.services.modes.pipecat_daily import PipecatDaily
from lib.services.modes.processes import LocalLauncher
from lib.services.modes.worker_plan import missing_keys
from lib.services.past import Past
from lib.services.personas.history import History
from lib.services.personas.service import Personas
from lib.services.reaper import Reaper
from lib.services.reconciler import Reconciler
from lib.services.replicas import Replicas
from lib.services.retention import Retention
from lib.services.sessions import RoomTokens, Sessions
from lib.services.starting import Starting
from lib.services.sweeper import Sweeper
from lib.services.talking import Talking
from lib.services.viewers import Viewers
from lib.services.watching import Watching
from lib.settings import Loaded, Settings, is_loopback, load, secret_names
from lib.store.database import Store

log = logging.getLogger(__name__)

SANDBOX_ACCOUNT = "sandbox"
SANDBOX_KEY = SecretStr("sandbox")
PULSE_S, SHORTEST_LEASE_S = 5.0, 1.5
READY_WITHIN_S = 15.0
HERE = Path(__file__).resolve().parent.parent
DEFAULT_DATABASE = "sqlite:///data/greenroom.db"


@dataclass
class Address:
    """Where this process answers; known once the server has its port."""

    base: str = ""

    def answers(self) -> bool:
        if not self.base:
            return False
        try:
            return requests.get(f"{self.base}/_stcore/health", timeout=1).ok
        except requests.RequestException:
            return False


@dataclass(frozen=True)
class Calls:
    """What holds calls: the sessions, what sends their starts, and what looks after them."""

    sessions: Sessions
    starting: Starting
    sweeper: Sweeper
    phoenix: PhoenixRest
    pipecat: PipecatDaily
    kill_switch: KillSwitch


@dataclass(frozen=True)
class Services:
    """Everything a page, an API route or a command may use. `account` is whose agents and sessions are shown."""

    loaded: Loaded
    account: str
    store: Store
    tavus: Tavus
    catalogue: Catalogue
    personas: Personas
    history: History
    library: Library
    attaching: Attaching
    agents: Agents
    sessions: Sessions
    past: Past
    retention: Retention
    responder: Responder
    talking: Talking
    inspector: Inspector
    diagnostics: Diagnostics
    pipecat: PipecatDaily
    trial: Trial
    kill_switch: KillSwitch
    sandbox_app: Starlette | None
    export: ModuleType = export
    _address: Address = field(default_factory=Address)
    _sweeper: Sweeper | None = None
    _starting: Starting | None = None
    _journal: Journal | None = None

    @property
    def sandbox(self) -> bool:
        """True while everything runs on the embedded sandbox and nothing is billed."""
        return self.loaded.settings.sandbox

    @property
    def sandbox_base(self) -> str:
        """Where the embedded sandbox answers, "" without one."""
        return f"{self._address.base}/sandbox" if self.sandbox_app is not None else ""

    @property
    def frame_origins(self) -> tuple[str, ...]:
        """Origins of rooms and faces besides Tavus's and Daily's own: those of a sandbox that runs by itself."""
        if self.sandbox:
            return ()
        return _own_rooms(self.tavus.base_url)

    @property
    def ready(self) -> bool:
        """True once recovery is done and starts may go out."""
        return self._sweeper is not None and self._sweeper.ready.is_set()

    def wait_until_ready(self, within_s: float) -> bool:
        """Wait for recovery; False if it is not done by then, in which case a start says why it is not sent."""
        return self._sweeper is not None and self._sweeper.ready.wait(within_s)

    def open(self, base: str) -> None:
        """Open the database and start the sweeper. `base` is this server's own address, such as http://127.0.0.1:8501.

        Called while the server starts: sends no request itself, since it would not be answered.
        """
        self._address.base = base
        if self.sandbox_app is not None:
            self.tavus.base_url = f"{base}/sandbox/v2"
        self.store.open()
        if self.sandbox_app is not None:
            try:
                self.agents.add_samples_once()
            except StoreRefused:
                log.warning("the database can't be used; Diagnostics says why")
        if self._journal is not None:
            self._journal.open()
        # Read now, so that no callback waits for the database before it is known to be one.
        with suppress(StoreRefused):
            self.sessions.callback_secret("")
        if self._sweeper is not None:
            self._sweeper.open()

    def close(self) -> None:
        """Stop what runs, keep what is written. Calls that are open stay with Tavus's own timers."""
        if self._sweeper is not None:
            self._sweeper.close()
        self.retention.close()
        if self._starting is not None:
            self._starting.close()
        self.pipecat.close()
        if self._journal is not None:
            self._journal.close()
        if self.sandbox_app is not None:
            self.sandbox_app.state.sandbox.close()
        self.tavus.close()
        self.store.close()


def build(root: Path, loaded: Loaded | None = None) -> Services:
    """Make all services from the settings of the project at `root`. Does no I/O but reading settings files."""
    loaded = loaded or load(root)
    settings = loaded.settings
    address = Address()
    store = _store(loaded, root)
    chat = _chat(settings)
    responder = Responder(chat)
    account = account_of(loaded)
    redaction = Redaction(keys_of(loaded))
    journal = Journal(store, account, redaction, keep_days=settings.retention_days)
    tavus = _tavus(loaded, journal.record)
    sandbox_app = None
    if settings.sandbox:
        sandbox_app = sandbox.create(reply=responder.reply, state_path=store.directory / "sandbox.db")
    catalogue = Catalogue(tavus)
    history = History(store, account=account)
    catalogue.persona_shelf.swept = history.swept
    replicas = Replicas(tavus, catalogue)
    agents = Agents(
        store,
        account=account,
        most=Most(settings.max_call_s, settings.absent_timeout_s, settings.left_timeout_s),
        default_replica_id=settings.tavus_default_replica_id,
        check_replica=replicas.check,
        persona_was=history.last_name,
    )
    personas = Personas(tavus, catalogue, agents, history)
    library = Library(tavus)
    ledger = Ledger(store, account, settings)
    retention = Retention(ledger, lambda name: tavus.conversations.delete(conversation_id=name, hard=True))
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
    )
    return Services(
        loaded=loaded,
        account=account,
        store=store,
        tavus=tavus,
        catalogue=catalogue,
        personas=personas,
        history=history,
        library=library,
        attaching=Attaching(library, personas, catalogue),
        agents=agents,
        sessions=calls.sessions,
        past=Past(ledger),
        retention=retention,
        responder=responder,
        talking=Talking(ledger, catalogue, responder),
        inspector=Inspector(
            store, account, journal, redaction, base_url=lambda: tavus.base_url, sandbox=settings.sandbox
        ),
        diagnostics=Diagnostics(
            loaded=loaded,
            tavus=tavus,
            store=store,
            root=root,
            chat=chat,
            allowance=calls.sessions.allowance,
            missing_keys=calls.pipecat.missing_keys,
            daily=calls.pipecat.daily,
        ),
        trial=Trial(
            agents=agents,
            catalogue=catalogue,
            phoenix=calls.phoenix,
            sessions=calls.sessions,
            max_call_s=settings.max_call_s,
        ),
        sandbox_app=sandbox_app,
        _address=address,
        _sweeper=calls.sweeper,
        _starting=calls.starting,
        _journal=journal,
        pipecat=calls.pipecat,
        kill_switch=calls.kill_switch,
    )


def report_from_outside(root: Path) -> Report:
    """The diagnostics while no dashboard runs: no sandbox, no sweeper, and a database that is not there is not made."""
    loaded = load(root)
    settings = loaded.settings
    store, tavus, chat, daily = _store(loaded, root), _tavus(loaded), _chat(settings), _daily(settings)
    if settings.sandbox:
        tavus.base_url = ""

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
            open_store=open_store,
        ).run(0)
    finally:
        for client in (tavus, chat, daily, store):
            if client is not None:
                client.close()


def paid_check_from_outside(root: Path, agent_id: str, say: Callable[[str], None]) -> Check:
    """Hold a real call with this agent (""  for the first one) while no page is open, and end it. Billed.

    `say` is told what it costs before anything is sent. The sweeper runs as in a dashboard, and shares its work with
    one that runs beside this. On the sandbox nothing is done: it is part of a dashboard.
    """
    loaded = load(root)
    if loaded.settings.sandbox:
        return Check(PAID, Outcome.SKIP, "Not tried: without TAVUS_API_KEY there is nothing to pay.")
    services = build(root, loaded)
    try:
        services.open("")
        known = services.agents.all()
        if not known:
            return Check(PAID, Outcome.FAIL, "There is no agent to start.", "Make one on the Agents page.")
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
        return Check(PAID, Outcome.FAIL, error.message, error.hint)
    finally:
        services.close()


def _store(loaded: Loaded, root: Path) -> Store:
    return Store(loaded.settings.database_url.get_secret_value() or DEFAULT_DATABASE, root=root)


def _tavus(loaded: Loaded, recorder: Callable[[Call], None] | None = None) -> Tavus:
    """The client. A key is sent nowhere while the address that was meant for it can't be read."""
    unsure = any(problem.name == "TAVUS_BASE_URL" for problem in loaded.problems)
    settings = loaded.settings
    base_url, key = "" if unsure else settings.tavus_base_url, settings.tavus_api_key or SANDBOX_KEY
    return Tavus(base_url=base_url, api_key=key, recorder=recorder)


def _chat(settings: Settings) -> ChatClient | None:
    if not settings.chat_base_url:
        return None
    return ChatClient(base_url=settings.chat_base_url, api_key=settings.chat_api_key, model=settings.chat_model)


def _daily(settings: Settings) -> Daily | None:
    """None without a key, and on the sandbox, whose rooms are no rooms of Daily's."""
    return Daily(api_key=settings.daily_api_key) if settings.daily_api_key and not settings.sandbox else None


def keys_of(loaded: Loaded) -> list[str]:
    """Every key and token among the settings, which may stand in nothing that is kept."""
    found = (getattr(loaded.settings, name.lower()) for name in secret_names() if name != "DATABASE_URL")
    return [key.get_secret_value() for key in found if key is not None]


def calls_of(
    loaded: Loaded,
    ledger: Ledger,
    tavus: Tavus,
    *,
    agents: Agents,
    catalogue: Catalogue,
    own_base: Callable[[], str] = lambda: "",
    answering: Callable[[], bool] = lambda: True,
    chores: Callable[[], None] = lambda: None,
    monotonic: Callable[[], float] = time.monotonic,
    pool: Executor | None = None,
    root: Path = HERE,
    responder: Responder | None = None,
) -> Calls:
    """All that a call needs from its start to its record. `own_base` is where this process answers, "" if unknown.

    `chores` is what the process that sweeps has to see to besides.
    """
    settings = loaded.settings
    owner = new_owner()
    pulse_s = min(settings.sweep_interval_s, PULSE_S)
    ages = Ages(longest_step_s=max(3 * pulse_s, 1.0), monotonic=monotonic)
    breaker = Breaker(ledger.clock, monotonic)
    viewers = Viewers(ledger.store, ages, ledger.clock, write_every_s=settings.watch_grace_s / 6)
    tokens = RoomTokens()

    def callback_url(session_id: str) -> str:
        base = settings.public_url or (own_base() if _on_this_machine(tavus.base_url) else "")
        return f"{base}/callbacks/tavus/{sessions.callback_secret(session_id)}" if base else ""

    def room_hosts() -> tuple[str, ...]:
        return (*rooms.DAILY_HOSTS, *_own_rooms(tavus.base_url))

    def tend() -> None:
        if not launcher.here:
            left.tend()
        chores()

    phoenix = PhoenixRest(tavus, settings, callback_url)
    heard = Heard(ledger, responder or Responder(None))
    launcher = _launcher(settings, root, lambda: ledger.prefix)
    pipecat = PipecatDaily(
        root=root,
        settings=settings,
        phoenix=phoenix,
        tavus_address=lambda: (tavus.base_url, settings.tavus_api_key or SANDBOX_KEY),
        own_base=own_base,
        part_of=heard.part,
        daily=_daily(settings),
        launcher=launcher,
    )
    pipecat.brain, pipecat.on_turn, pipecat.on_broken = heard.answer, heard.turn, heard.broken
    left = LeftWorkers(launcher, ledger, end_room=pipecat.end_room, on_broken=heard.broken)
    modes = Modes(phoenix, pipecat)
    claims = Claims(ledger, room_hosts)
    watching = Watching(ledger, modes, ages, breaker)
    starting = Starting(
        ledger, modes, claims, watching, breaker, on_created=tokens.keep, pool=pool, monotonic=monotonic
    )
    lasts_s = max(3 * pulse_s, SHORTEST_LEASE_S)
    lease = Lease(ledger.store, f"sweeper:{ledger.account}", owner, ages, lasts_s=lasts_s, monotonic=monotonic)
    reconciler = Reconciler(ledger, phoenix, claims, watching, ages, breaker)
    sweeper = Sweeper(
        ledger,
        ages=ages,
        lease=lease,
        viewers=viewers,
        breaker=breaker,
        watching=watching,
        reconciler=reconciler,
        reaper=Reaper(ledger, ages, viewers, starting_here=starting.busy),
        starting=starting,
        interval_s=settings.sweep_interval_s,
        pulse_s=pulse_s,
        answering=answering,
        chores=tend,
    )
    starting.permit = sweeper.permit
    sessions = Sessions(
        ledger,
        loaded=loaded,
        agents=agents,
        catalogue=catalogue,
        watching=watching,
        starting=starting,
        sweeper=sweeper,
        viewers=viewers,
        tokens=tokens,
        room_hosts=room_hosts,
        owner=owner,
        pipecat=pipecat,
    )
    kill_switch = KillSwitch(ledger, phoenix, reconciler, watching, ages)
    return Calls(sessions, starting, sweeper, phoenix, pipecat, kill_switch)


def _launcher(settings: Settings, root: Path, installation: Callable[[], str]) -> Launcher:
    """What workers run on. Nothing is started, asked or imported by making it."""
    if settings.in_cluster:
        return KubernetesLauncher(
            Cluster(settings.kubernetes_namespace, kubeconfig=settings.kubeconfig, context=settings.kubernetes_context),
            installation=installation,
            image=settings.worker_image,
            secret=settings.worker_secret,
            memory_mb=settings.worker_memory_mb,
            at_most=settings.max_concurrent_calls,
        )
    python, limits = worker_python(root, settings.pipecat_python), Limits(settings.worker_memory_mb)
    return LocalLauncher(python, root, at_most=settings.max_concurrent_calls, limits=limits)


def account_of(loaded: Loaded) -> str:
    """`sandbox`, or the base URL with a fingerprint of the key, which tells accounts apart and gives nothing away."""
    key, url = loaded.settings.tavus_api_key, urlsplit(loaded.settings.tavus_base_url)
    # A command speaks to the sandbox inside a dashboard from outside: the account is the same.
    if key is None or (key == SANDBOX_KEY and is_loopback(url.hostname) and url.path == "/sandbox/v2"):
        return SANDBOX_ACCOUNT
    return f"{loaded.settings.tavus_base_url}#{hashlib.sha256(key.get_secret_value().encode()).hexdigest()[:12]}"


def _on_this_machine(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname)


def _own_rooms(base_url: str) -> tuple[str, ...]:
    """Origins of the rooms of a sandbox on this machine; none where Tavus itself is called."""
    return rooms.loopback_origins(base_url) if _on_this_machine(base_url) else ()


_current: list[Services] = []


def install(services: Services | None) -> None:
    """Make these the services of this process (None: there are none any more)."""
    _current[:] = [services] if services else []


def current() -> Services:
    """The services of this process. Raises SettingsWrong before the server has built them."""
    if not _current:
        raise SettingsWrong("Greenroom is still starting up.", hint="Reload in a moment.")
    return _current[0]
