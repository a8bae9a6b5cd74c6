"""text: a chat in the persona's role, always there. It has no room, costs nothing and is never asked about at Tavus."""

from __future__ import annotations

from lib.doctor import modes as doctor
from lib.doctor.modes import ModeFacts, ModeState
from lib.models import CallSettings, Mode
from lib.services.modes.mode import SessionMode


class TextChat(SessionMode):
    name = Mode.TEXT
    in_room = False
    outlives_us = False
    told_as_said = True
    idle_s = 30 * 60.0

    def private(self, call: CallSettings) -> bool:
        return False

    def standing(self, facts: ModeFacts) -> ModeState:
        return doctor.text()
