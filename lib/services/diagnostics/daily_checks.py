"""What Daily says to us: key, domain, and a room that is made and deleted again. Free: nobody ever enters it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from lib.clients.daily import Daily, Room
from lib.doctor.report import CheckId, CheckResult, HealthCheck
from lib.errors import Ambiguous, GreenroomError, UpstreamError
from lib.services.diagnostics.upstream import failed
from lib.settings import Settings

CLOSES_AFTER = timedelta(minutes=2)
"""Should its deletion fail, or this process end before it."""


class DailyChecks:
    """Four small requests, one after the other; those for the room only once the key was found to be good."""

    def __init__(self, client: Daily, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock

    def run(self) -> list[HealthCheck]:
        try:
            key = self._domain()
        except GreenroomError as error:
            key = failed(CheckId.DAILY, error)
        if key.result is not CheckResult.PASS:
            return [
                key,
                HealthCheck(
                    CheckId.DAILY_ROOM,
                    CheckResult.SKIP,
                    f"Not tried, since {CheckId.DAILY.shown} is to be fixed first.",
                ),
            ]
        return [key, self._room()]

    def _domain(self) -> HealthCheck:
        """Whether Daily takes the key, and whether its domain is the one that is set. Raises UpstreamError."""
        domain, wanted = self._client.domain(), self._settings.daily_subdomain
        if wanted and domain != wanted:
            told = f"The Daily key belongs to {domain}.daily.co, not to {wanted}.daily.co."
            return HealthCheck(
                CheckId.DAILY, CheckResult.FAIL, told, "Correct DAILY_SUBDOMAIN or DAILY_API_KEY in .env."
            )
        return HealthCheck(CheckId.DAILY, CheckResult.PASS, f"The key is accepted; its rooms are at {domain}.daily.co.")

    def _room(self) -> HealthCheck:
        """Whether a room as calls need it can be made, opened and deleted. It is deleted whatever comes in between."""
        name, begun = f"greenroom-check-{secrets.token_hex(5)}", time.perf_counter()
        room: Room | None = None
        refused: HealthCheck | None = None
        left: UpstreamError | None = None
        perhaps = True
        try:
            room = self._made(name)
            refused = self._opened(room)
        except GreenroomError as error:
            refused = failed(CheckId.DAILY_ROOM, error)
            # What was refused was not made; what was lost on the way may have been.
            perhaps = room is not None or isinstance(error, Ambiguous)
        finally:
            if perhaps:
                left = self._deleted(name)
        if left is not None:
            before = refused.evidence if refused else f"A room was made, but could not be deleted: {left.message}"
            closes = f"{name} closes by itself within {CLOSES_AFTER.seconds // 60} minutes."
            return HealthCheck(
                CheckId.DAILY_ROOM, CheckResult.FAIL, f"{before} {closes}", refused.fix if refused else left.hint
            )
        if refused is not None:
            return refused
        ms, kind = (time.perf_counter() - begun) * 1000, self._settings.daily_avatar_privacy
        told = f"A {kind} room and a token for it were made, and the room was deleted again, in {ms:.0f} ms."
        return HealthCheck(CheckId.DAILY_ROOM, CheckResult.PASS, told)

    def _made(self, name: str) -> Room:
        private = self._settings.daily_avatar_privacy == "private"
        return self._client.create_room(name=name, private=private, expires_at=self._clock() + CLOSES_AFTER)

    def _opened(self, room: Room) -> HealthCheck | None:
        """Look at its privacy and make a viewer's token for it; what is wrong, None if nothing."""
        kind, until = self._settings.daily_avatar_privacy, self._clock() + CLOSES_AFTER
        if room.privacy not in ("", kind):
            told = f"A {kind} room was asked for, and Daily made a {room.privacy} one."
            return HealthCheck(
                CheckId.DAILY_ROOM, CheckResult.FAIL, told, "Check the rooms' privacy in Daily's dashboard."
            )
        self._client.token(room_name=room.name, owner=False, expires_at=until, user_name="Greenroom")
        return None

    def _deleted(self, name: str) -> UpstreamError | None:
        try:
            self._client.delete_room(name)
        except UpstreamError as error:
            return error
        return None
