"""For this machine, each way to hold a session: it works, it works after a command, or it can't, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lib.doctor.causes import Cause, of_platform
from lib.doctor.machine import Machine
from lib.doctor.probe import Probe


class ModeStanding(StrEnum):
    """`command`: it works once something has been done, which is said."""

    WORKS = "works"
    COMMAND = "works with this command"
    CANT = "can't"


@dataclass(frozen=True)
class ModeState:
    """`because` is one sentence; `command` what to run or to set, "" where nothing helps or nothing is needed."""

    mode: str
    state: ModeStanding
    because: str
    command: str = ""


@dataclass(frozen=True)
class ModeFacts:
    """What is known of this machine and its settings.

    `worker` is what the trial of its packages gave (None: not tried); `refused` why Tavus can't be used now, None if
    it can; `missing_keys` are the settings that the worker needs and does not have. `elsewhere` is
    what `in_cluster` says where workers run in a cluster: this machine's packages don't count then.
    """

    here: Machine
    worker: Probe | None = None
    refused: Cause | None = None
    missing_keys: Sequence[str] = ()
    sandbox: bool = False
    elsewhere: ModeState | None = None


def matrix(facts: ModeFacts) -> tuple[ModeState, ...]:
    """The modes that come with Greenroom, the avatar's first."""
    return phoenix(facts), pipecat(facts), text()


def in_cluster(problem: str, fix: str) -> ModeState:
    """pipecat_daily in a cluster. `problem`: why that can't be used now, "" if it answers."""
    if problem:
        return ModeState("pipecat_daily", ModeStanding.CANT, problem, fix)
    told = "Workers run in the cluster; this machine needs none of their packages."
    return ModeState("pipecat_daily", ModeStanding.WORKS, told)


def phoenix(facts: ModeFacts) -> ModeState:
    """Tavus runs the whole call."""
    if facts.refused is not None:
        return ModeState("phoenix_rest", ModeStanding.CANT, facts.refused.cause, facts.refused.fix)
    where = "on the sandbox: a drawn avatar, nothing is billed" if facts.sandbox else "Tavus runs the whole call"
    return ModeState("phoenix_rest", ModeStanding.WORKS, f"The browser is all that it needs; {where}.")


def pipecat(facts: ModeFacts) -> ModeState:
    """A worker of our own in a Daily room."""
    workers, missing, refused = facts.elsewhere or _here(facts.here, facts.worker), facts.missing_keys, facts.refused
    if workers.state is not ModeStanding.WORKS:
        return workers
    if missing:
        return ModeState(
            "pipecat_daily", ModeStanding.COMMAND, f"Not set: {', '.join(missing)}.", "Set them in .env and restart."
        )
    if refused is not None:
        return ModeState("pipecat_daily", ModeStanding.CANT, refused.cause, refused.fix)
    return workers


def _here(here: Machine, worker: Probe | None) -> ModeState:
    stuck = of_platform(here)
    if stuck is not None:
        return ModeState("pipecat_daily", ModeStanding.CANT, stuck.cause, stuck.fix)
    if worker is None:
        return ModeState("pipecat_daily", ModeStanding.CANT, "Its packages were not tried.", "Run the checks.")
    if worker.cause is not None:
        cause = worker.cause
        if cause.command:
            return ModeState("pipecat_daily", ModeStanding.COMMAND, cause.cause, cause.command)
        return ModeState("pipecat_daily", ModeStanding.CANT, cause.cause, cause.fix)
    loaded = f"Pipecat {worker.pipecat} and daily-python {worker.daily} can be loaded"
    return ModeState("pipecat_daily", ModeStanding.WORKS, f"{loaded}.")


def text() -> ModeState:
    """Text chat."""
    return ModeState("text", ModeStanding.WORKS, "Text chat needs neither key nor network.")
