"""The live session: readiness, room, strip, chat."""
