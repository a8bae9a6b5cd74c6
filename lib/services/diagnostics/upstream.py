"""What Tavus, or the sandbox in its place, says to us: reached, key taken, replicas, clock, slots. Reads only, free."""

from __future__ import annotations

import time

from lib.clients.tavus import Tavus
from lib.doctor.report import CheckId, CheckResult, HealthCheck
from lib.errors import GreenroomError, NotFound, RateLimited
from lib.services.diagnostics.configuration import BASE_URL
from lib.settings import Loaded

SLOW_MS = 2000
SKEW_S = 60.0
"""A clock this far off makes times in History wrong, and certificates and room tokens may be refused."""


def failed(check_id: str, error: GreenroomError) -> HealthCheck:
    """A known error as a check. Being asked to wait is no failure."""
    result = CheckResult.LOOK if isinstance(error, RateLimited) else CheckResult.FAIL
    return HealthCheck(check_id, result, error.message, error.hint)


class UpstreamChecks:
    """Two small requests; the second only once the first was answered, so that one cause is one failure."""

    def __init__(self, loaded: Loaded, tavus: Tavus) -> None:
        self._loaded = loaded
        self._tavus = tavus

    @property
    def id(self) -> CheckId:
        return CheckId.SANDBOX if self._loaded.settings.sandbox else CheckId.TAVUS

    @property
    def contacts_nobody(self) -> bool:
        """True where the address of Tavus is wrong: a key must not go to an address that nobody asked for."""
        wrong = any(problem.name == BASE_URL for problem in self._loaded.problems)
        return not self._loaded.settings.sandbox and (wrong or not self._tavus.base_url)

    def run(self) -> list[HealthCheck]:
        """Whether it answers, how fast, and what it has."""
        if self.contacts_nobody:
            told = f"Nothing is contacted until {BASE_URL} is corrected: no other address is used in its place."
            return [HealthCheck(part, CheckResult.SKIP, told) for part in (self.id, CheckId.REPLICAS)]
        if not self._tavus.base_url:
            told = "Part of the dashboard, which does not run in this process: open Diagnostics there."
            return [HealthCheck(part, CheckResult.SKIP, told) for part in (self.id, CheckId.REPLICAS)]
        started = time.perf_counter()
        try:
            count = self._tavus.personas.count()
        except GreenroomError as error:
            return [
                failed(self.id, error),
                HealthCheck(
                    CheckId.REPLICAS, CheckResult.SKIP, f"Not asked, since {self.id.shown} is to be fixed first."
                ),
            ]
        return [self._answered(count, (time.perf_counter() - started) * 1000), *self._clock(), self._replicas()]

    def _answered(self, count: int, ms: float) -> HealthCheck:
        sandbox = self._loaded.settings.sandbox
        known = "Nothing is billed; Tavus itself is not asked." if sandbox else "The key is accepted."
        told = f"GET /personas answered in {ms:.0f} ms. {f'{count} personas. ' if count >= 0 else ''}{known}"
        if ms > SLOW_MS and not sandbox:
            return HealthCheck(self.id, CheckResult.LOOK, f"{told} That is slow.", "Check the network.")
        return HealthCheck(self.id, CheckResult.PASS, told)

    def _clock(self) -> list[HealthCheck]:
        """This machine's clock against the other side's, told only where it is far off."""
        skew = self._tavus.skew_s
        if skew is None or abs(skew) < SKEW_S:
            return []
        way = "behind" if skew > 0 else "ahead of"
        told = f"This machine's clock is {abs(skew):.0f} s {way} {self.id.shown}'s."
        return [HealthCheck(CheckId.CLOCK, CheckResult.LOOK, told, "Let the system set its time from the network.")]

    def _replicas(self) -> HealthCheck:
        try:
            return self._counted(self._tavus.replicas.count())
        except GreenroomError as error:
            return failed(CheckId.REPLICAS, error)

    def _counted(self, count: int) -> HealthCheck:
        wanted = self._loaded.settings.tavus_default_replica_id
        if count == 0:
            return HealthCheck(
                CheckId.REPLICAS, CheckResult.FAIL, "The account has none.", "Make one in Tavus, or check the key."
            )
        told = f"{count} can be used." if count > 0 else "There are some."
        if not wanted:
            return HealthCheck(CheckId.REPLICAS, CheckResult.PASS, told)
        fix = "Set TAVUS_DEFAULT_REPLICA_ID to one that is ready."
        try:
            replica = self._tavus.replicas.get(replica_id=wanted)
        except NotFound:
            return HealthCheck(CheckId.REPLICAS, CheckResult.LOOK, f"{told} The default one, {wanted}, is gone.", fix)
        if replica.ready:
            return HealthCheck(CheckId.REPLICAS, CheckResult.PASS, f"{told} The default one, {wanted}, is ready.")
        why = replica.error_message or replica.status or "no status"
        return HealthCheck(
            CheckId.REPLICAS, CheckResult.LOOK, f"{told} The default one, {wanted}, is not ready: {why}.", fix
        )
