"""What the avatar says next: from a chat endpoint where one is set, else from a script that stays in its part.

Neither is Tavus's own pipeline; `Responder.note` says so wherever an answer is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lib.clients.chat import TOO_LONG, ChatClient, Hold
from lib.errors import UpstreamRejected
from lib.models import JsonObject

Turns = Sequence[tuple[str, str]]
"""Role (`user` or `assistant`) and text, oldest first, the last one the user's."""

HISTORY_TURNS = 40
HISTORY_CHARS = 24_000
_MANNER = (
    "You are speaking aloud in a live video call. Answer in one or two short spoken sentences, in the language of the "
    "other person, without markup, lists or stage directions."
)


class Scripted:
    """Answers from hand-written lines, chosen by what the prompt says and what was said. Same input, same answer.

    It keeps nothing, asks nobody and takes a few milliseconds. Its answers have at most two sentences and none comes
    twice in one call. Of a prompt it quotes whole phrases or nothing.
    """

    label = "scripted stand-in"

    def reply(self, persona_row: JsonObject, context: str, turns: Turns) -> str:
        """What the persona of this row says next."""
        # Imported at the first answer, which reads the lines: no start waits for that.
        from lib.services.chat.scripted.answering import answer

        return answer(persona_row, context, turns)


class Responder:
    """The one place that decides who answers. With an endpoint its failures are raised, never papered over."""

    note = "stand-in model, not the Tavus pipeline"

    def __init__(self, chat: ChatClient | None) -> None:
        self._chat = chat
        self._scripted = Scripted()

    @property
    def scripted(self) -> bool:
        """True where no model answers: CHAT_BASE_URL is not set."""
        return self._chat is None

    @property
    def label(self) -> str:
        """Who answers: the endpoint's model, or "scripted stand-in"."""
        return (self._chat.model or "chat endpoint") if self._chat else self._scripted.label

    def reply(self, persona_row: JsonObject, context: str, turns: Turns) -> str:
        """What the persona says next. Raises UpstreamError if the chat endpoint does not answer.

        It is heard in a room, where no note stands beside it: the first one of a call says at its end what is not read.
        """
        said = self._reply(persona_row, context, turns)
        first = sum(role == "user" for role, _ in turns) == 1
        unread = self.unread(persona_row, turns) if first else ""
        return f"{said} {unread}" if unread else said

    def unread(self, persona_row: JsonObject, turns: Turns = ()) -> str:
        """What the persona has and neither model nor script reads, as a sentence; "" where there is nothing.

        In English, or in the language of the answer to `turns`.
        """
        from lib.services.chat import unread

        return unread.sentence(persona_row, turns)

    def _reply(self, persona_row: JsonObject, context: str, turns: Turns) -> str:
        if self._chat is None:
            return self._scripted.reply(persona_row, context, turns)
        while True:
            try:
                return self._chat.complete(messages(persona_row, context, turns))
            except UpstreamRejected as error:
                turns = _fewer(turns, error)

    def stream(self, persona_row: JsonObject, context: str, turns: Turns, *, hold: Hold | None = None) -> Iterator[str]:
        """What the persona says next, in pieces; the script's is one. Raises UpstreamError, also in the middle."""
        if self._chat is None:
            yield self._scripted.reply(persona_row, context, turns)
            return
        while True:
            try:
                yield from self._chat.stream(messages(persona_row, context, turns), hold=hold)
                return
            except UpstreamRejected as error:
                turns = _fewer(turns, error)


def _fewer(turns: Turns, error: UpstreamRejected) -> Turns:
    """The newer half of what was said, where all of it was more than the model can read. Raises `error` otherwise.

    A chat with a small model would have an end after some minutes if it could not forget its beginning.
    """
    kept = turns[-HISTORY_TURNS:]
    if error.code != TOO_LONG or len(kept) < 2:
        raise error
    return kept[-(len(kept) // 2) :]


def messages(persona_row: JsonObject, context: str, turns: Turns) -> list[dict[str, str]]:
    """The call as a chat endpoint reads it: the part to play, then the newest turns up to a bound."""
    parts = (persona_row.get("system_prompt"), persona_row.get("context"), context, _MANNER)
    system = "\n\n".join(str(part) for part in parts if part)
    kept: list[dict[str, str]] = []
    room = HISTORY_CHARS
    for role, text in reversed(turns[-HISTORY_TURNS:]):
        room -= len(text)
        if kept and room < 0:
            break
        kept.append({"role": role, "content": text})
    return [{"role": "system", "content": system}, *reversed(kept)]
