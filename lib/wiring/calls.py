"""What holds calls, wired: from the start of one to its record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from lib.clients.tavus import Tavus
from lib.doctor.probe import worker_python
from lib.services.agents.service import Agents
from lib.services.callbacks.address import PATH, secret_of
from lib.services.calls.background.kill_switch import KillSwitch
from lib.services.calls.background.lease import Lease, new_owner, runs_here
from lib.services.calls.background.reaper import Reaper
from lib.services.calls.background.reconciler import Reconciler
from lib.services.calls.background.recovery import Recovery
from lib.services.calls.background.sweeper import Sweeper
from lib.services.calls.breaker import Breaker
from lib.services.calls.claims import Claims
from lib.services.calls.gate import Gate
from lib.services.calls.monitor import Monitor
from lib.services.calls.planning import Planner
from lib.services.calls.sessions import RoomTokens, Sessions
from lib.services.calls.starting import Starting
from lib.services.calls.stopwatch import Stopwatch
from lib.services.calls.viewers import Viewers
from lib.services.calls.watchdog import Watchdog
from lib.services.calls.worker_events import WorkerEvents
from lib.services.catalogue.catalogue import Catalogue
from lib.services.chat.responder import Responder
from lib.services.ledger.ledger import Ledger
from lib.services.modes.mode import Modes, SessionMode
from lib.services.modes.phoenix import PhoenixRest
from lib.services.modes.pipecat.mode import PipecatDaily
from lib.services.modes.text import TextChat
from lib.services.modes.workers.kubernetes.api import Cluster
from lib.services.modes.workers.kubernetes.launcher import KubernetesLauncher
from lib.services.modes.workers.launcher import Launcher
from lib.services.modes.workers.left_workers import LeftWorkers
from lib.services.modes.workers.limits import WorkerLimits
from lib.services.modes.workers.local import LocalLauncher
from lib.settings import Loaded, Settings
from lib.wiring.clients import SANDBOX_KEY, daily_client, on_this_machine, own_rooms

PULSE_S, SHORTEST_LEASE_S = 5.0, 1.5
HERE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class CallWing:
    """What holds calls: the sessions, what sends their starts, and what looks after them."""

    sessions: Sessions
    planner: Planner
    modes: Modes
    gate: Gate
    starting: Starting
    sweeper: Sweeper
    phoenix: PhoenixRest
    pipecat: PipecatDaily
    heard: WorkerEvents
    kill_switch: KillSwitch
    launcher: Launcher


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
    more_modes: Sequence[SessionMode] = (),
    mode: str = "",
) -> CallWing:
    """All that a call needs from its start to its record. `own_base` is where this process answers, "" if unknown.

    `chores` is what the process that sweeps has to see to besides. `more_modes` are registered beside Greenroom's own;
    `mode` names the one that calls start in, by default that of TAVUS_AVATAR_MODE.
    """
    settings, limits = loaded.settings, loaded.settings.limits
    owner = new_owner()
    pulse_s = min(settings.sweep_interval_s, PULSE_S)
    stopwatch = Stopwatch(longest_step_s=max(3 * pulse_s, 1.0), monotonic=monotonic)
    breaker = Breaker(ledger.clock, monotonic)
    viewers = Viewers(ledger.store, stopwatch, ledger.clock, write_every_s=settings.watch_grace_s / 6)
    tokens = RoomTokens()

    def callback_url(session_id: str) -> str:
        base = settings.public_url or (own_base() if on_this_machine(tavus.base_url) else "")
        return f"{base}{PATH}{secret_of(ledger.store, session_id)}" if base else ""

    def tend() -> None:
        if not launcher.here:
            left.tend()
        chores()

    phoenix = PhoenixRest(tavus, callback_url, lambda: own_rooms(tavus.base_url))
    heard = WorkerEvents(ledger, responder or Responder(None))
    launcher = launcher_of(settings, root, lambda: ledger.prefix)
    pipecat = PipecatDaily(
        root=root,
        settings=settings,
        phoenix=phoenix,
        tavus_address=lambda: (tavus.base_url, settings.tavus_api_key or SANDBOX_KEY),
        own_base=own_base,
        daily=daily_client(settings),
        launcher=launcher,
        listener=heard,
        runs_here=runs_here,
    )
    left = LeftWorkers(launcher, ledger, end_room=pipecat.end_room, on_broken=heard.broken)
    modes = Modes(
        (phoenix, pipecat, TextChat(), *more_modes),
        wanted=mode or settings.tavus_avatar_mode,
        fallback=settings.tavus_avatar_fallback,
        problems=[problem.name for problem in loaded.problems],
    )
    claims = Claims(ledger, modes, limits)
    monitor = Monitor(ledger, modes, stopwatch, breaker, limits, written=heard.written)
    lasts_s = max(3 * pulse_s, SHORTEST_LEASE_S)
    lease = Lease(ledger.store, f"sweeper:{ledger.account}", owner, stopwatch, lasts_s=lasts_s, monotonic=monotonic)
    reconciler = Reconciler(ledger, phoenix, claims, monitor, stopwatch, breaker, limits.horizon_s)
    recovery = Recovery(ledger, lease, reconciler)
    watchdog = Watchdog(every_s=pulse_s, monotonic=monotonic)
    gate = Gate(breaker, watchdog, recovery, reconciler.probe)
    starting = Starting(
        ledger, modes, claims, monitor, breaker, gate, on_created=tokens.keep, pool=pool, monotonic=monotonic
    )
    sweeper = Sweeper(
        ledger,
        stopwatch=stopwatch,
        lease=lease,
        viewers=viewers,
        gate=gate,
        watchdog=watchdog,
        recovery=recovery,
        monitor=monitor,
        reconciler=reconciler,
        reaper=Reaper(ledger, stopwatch, viewers, modes, limits, starting_here=starting.busy),
        starting=starting,
        interval_s=settings.sweep_interval_s,
        pulse_s=pulse_s,
        answering=answering,
        chores=tend,
        monotonic=monotonic,
        forget=lambda: tokens.forget_over(ledger.open),
    )
    planner = Planner(ledger, catalogue, agents.replica_of, limits, breaker, reconciler.probe)
    sessions = Sessions(
        ledger,
        planner=planner,
        modes=modes,
        limits=limits,
        monitor=monitor,
        starting=starting,
        hint=sweeper.hint,
        viewers=viewers,
        tokens=tokens,
        owner=owner,
    )
    kill_switch = KillSwitch(ledger, phoenix, reconciler, monitor, stopwatch)
    return CallWing(sessions, planner, modes, gate, starting, sweeper, phoenix, pipecat, heard, kill_switch, launcher)


def launcher_of(settings: Settings, root: Path, installation: Callable[[], str]) -> Launcher:
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
    python, limits = worker_python(root, settings.pipecat_python), WorkerLimits(settings.worker_memory_mb)
    return LocalLauncher(python, root, at_most=settings.max_concurrent_calls, limits=limits)
