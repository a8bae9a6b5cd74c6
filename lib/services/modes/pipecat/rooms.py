"""The Daily room of a call: made with its end and its tokens, deleted after it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lib.clients.daily import Daily
from lib.errors import SettingsWrong, UpstreamError
from lib.models import Session
from lib.services.modes.pipecat.open_call import OpenCall
from lib.services.modes.workers.launcher import ROOM_AFTER
from lib.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CallRooms:
    """The rooms of one Daily domain."""

    daily: Daily
    settings: Settings

    def open(self, session: Session, call: OpenCall) -> str:
        """Make the session's room and keep it in `call`, with the viewer's token where it is private.

        The worker's token, an owner's. Raises SettingsWrong (the key is of another domain), UpstreamError; `call.room`
        says whether a room is there to delete then.
        """
        until = datetime.now(UTC) + timedelta(seconds=session.max_call_s) + ROOM_AFTER
        private, wanted = self.settings.daily_avatar_privacy == "private", self.settings.daily_subdomain
        room = self.daily.create_room(name=session.id, private=private, expires_at=until)
        call.held_in(room)
        if wanted and room.subdomain not in ("", wanted):
            told = f"The Daily key belongs to {room.subdomain}.daily.co, not to {wanted}.daily.co."
            raise SettingsWrong(told, code="daily_subdomain", hint="Correct DAILY_SUBDOMAIN or DAILY_API_KEY in .env.")
        bot = self.daily.token(room_name=room.name, owner=True, expires_at=until, user_name="Avatar")
        if private:
            viewer = self.daily.token(room_name=room.name, owner=False, expires_at=until, user_name="Guest")
            call.opens_with(viewer.value)
        return bot.value

    def delete(self, name: str) -> None:
        """Close it. What fails is left to the room's own end."""
        try:
            self.daily.delete_room(name)
        except UpstreamError as error:
            log.warning("the room %s could not be deleted, it closes by itself: %s", name, error.code)
