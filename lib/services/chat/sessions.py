"""Text chat in a session: in the persona's role, by a chat endpoint or the script, kept in the session's record.

An answer comes in pieces, in a thread of its own: a page looks at how far it is, and may be left or reloaded meanwhile.
What was shown of it is kept also where it was stopped or broke off, since the person has read it; an answer of which
nothing came leaves no trace, and what was typed can be sent again.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from lib.errors import BadInput, Conflict, GreenroomError, UpstreamError
from lib.models import Agent, Persona, PersonaPart, Session, Turn
from lib.services.catalogue.catalogue import Catalogue
from lib.services.chat.responder import Responder
from lib.services.chat.unread import counted
from lib.services.ledger.ledger import Ledger
from lib.store import sessions as rows

MESSAGE_LIMIT = 2_000
CHAT = "chat"
REMEMBERED = 200
"""Failed answers that nobody came back to are forgotten where there are more."""
SPOKEN = ("user", "assistant")

log = logging.getLogger(__name__)


@dataclass
class ChatAnswer:
    """An answer on its way: what it answers and what has come of it. `done` is set once it is kept, or has failed."""

    said: str
    opening: list[Turn] = field(default_factory=list)
    first: bool = True
    text: str = ""
    failure: GreenroomError | None = None
    stopped: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    door: threading.Lock = field(default_factory=threading.Lock)
    hang_up: Callable[[], None] | None = None

    @property
    def unheard(self) -> bool:
        """True if it was stopped before a word of it came: then it was never said."""
        return self.stopped and not self.text.strip()

    def hold(self, hang_up: Callable[[], None]) -> None:
        """Keep what ends the connection, and use it where a stop came first."""
        with self.door:
            self.hang_up = hang_up
            late = self.stopped
        if late:
            hang_up()

    def add(self, piece: str) -> bool:
        """Take one more piece. False if no more is wanted."""
        with self.door:
            if not self.done.is_set():
                self.text += piece
            return not self.stopped


class ChatSessions:
    """The text chats of one account's sessions."""

    def __init__(self, ledger: Ledger, catalogue: Catalogue, responder: Responder) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._responder = responder
        self._answers: dict[str, ChatAnswer] = {}
        self._door = threading.Lock()

    def greeting(self, session: Session) -> str:
        """What the persona opens a chat with, "" if it waits to be spoken to or speaks in a call. Asks nobody."""
        if session.in_room:
            return ""
        with self._ledger.store.reading() as connection:
            return str(rows.persona_of(connection, session.id).get("greeting", "")).strip()

    def unread(self, session: Session) -> str:
        """What the persona has and who answers here does not read, as a sentence; "" if nothing. Asks nobody."""
        return self._responder.unread(self._part_played(session, ask=False)[0])

    def say(self, session_id: str, text: str, *, actor: str = "") -> Turn:
        """Ask, and give back the whole answer. May take as long as the chat endpoint.

        Raises what `ask` raises, and UpstreamError: after the first piece what came is kept, before it nothing is.
        """
        answer = self.ask(session_id, text)
        answer.done.wait()
        if answer.failure is not None:
            self.forget(session_id)
            raise answer.failure
        if answer.unheard:
            raise Conflict("The answer was stopped before a word of it came.", hint="Send it again.")
        with self._ledger.store.reading() as connection:
            return [turn for turn in rows.turns_of(connection, session_id) if turn.source == CHAT][-1]

    def ask(self, session_id: str, text: str, *, actor: str = "") -> ChatAnswer:
        """Begin an answer to `text`.

        Raises BadInput, NotFound, Conflict (the session is over, or an answer is on its way).
        """
        said = text.strip()
        if not said or len(said) > MESSAGE_LIMIT:
            raise BadInput(f"A message has 1 to {MESSAGE_LIMIT} characters; this one has {len(said)}.")
        session = self._ledger.get(session_id)
        if not session.status.open:
            raise Conflict("This session is over.", hint="Start the agent again to go on.")
        answer = ChatAnswer(said)
        with self._door:
            underway = self._answers.get(session_id)
            if underway is not None and not underway.done.is_set():
                raise Conflict("The last answer is still on its way.", hint="Wait for it, or stop it.")
            self._answers[session_id] = answer
            self._forget_old()
        try:
            threading.Thread(
                target=self._run, args=(session, answer), name=f"greenroom-answer-{session_id}", daemon=True
            ).start()
        except BaseException:
            # Nobody would ever finish it.
            self._answers.pop(session_id, None)
            raise
        return answer

    def answering(self, session_id: str) -> ChatAnswer | None:
        """The answer on its way, or the last one where it failed and nobody has seen it yet. Asks nobody."""
        return self._answers.get(session_id)

    def stop(self, session_id: str, *, actor: str = "") -> None:
        """Want no more of it: what has come is kept at once, and the endpoint is hung up on, so that it stops too.

        An endpoint that has not begun to answer is hung up on when it does.
        """
        answer = self._answers.get(session_id)
        if answer is None:
            return
        with answer.door:
            answer.stopped = True
        self._finish(session_id, answer)
        if answer.hang_up is not None:
            answer.hang_up()

    def forget(self, session_id: str) -> None:
        """What became of the last answer was seen."""
        answer = self._answers.get(session_id)
        if answer is not None and answer.done.is_set():
            self._answers.pop(session_id, None)

    def _forget_old(self) -> None:
        over = [session_id for session_id, answer in list(self._answers.items()) if answer.done.is_set()]
        for session_id in over[: max(0, len(over) - REMEMBERED)]:
            self._answers.pop(session_id, None)

    def _run(self, session: Session, answer: ChatAnswer) -> None:
        failure: GreenroomError | None = None
        try:
            answer.opening, before = self._so_far(session)
            answer.first = not before
            persona, context = self._part_played(session)
            turns = [(turn.role, turn.content) for turn in (*before, *answer.opening)]
            said = [*turns, ("user", answer.said)]
            for piece in self._responder.stream(persona, context, said, hold=answer.hold):
                if not answer.add(piece):
                    break
        except GreenroomError as error:
            failure = error
        except Exception:
            log.exception("an answer in session %s broke", session.id)
            failure = UpstreamError("Greenroom failed while it read the answer.", hint="Send it again.")
        self._finish(session.id, answer, failure)

    def _finish(self, session_id: str, answer: ChatAnswer, failure: GreenroomError | None = None) -> None:
        """Keep what has come, once: whoever comes second finds it done. A stopped answer has not failed."""
        with answer.door:
            if answer.done.is_set():
                return
            try:
                if text := answer.text.strip():
                    self._keep(session_id, answer, text)
                elif not answer.stopped:
                    failure = failure or UpstreamError("The answer has no words.", hint="Send it again.")
            except GreenroomError as error:
                failure = failure or error
            except Exception:
                log.exception("an answer in session %s could not be kept", session_id)
                failure = failure or UpstreamError("Greenroom failed to keep the answer.", hint="Send it again.")
            answer.failure = None if answer.unheard else failure
            if answer.failure is None and not answer.unheard:
                self._answers.pop(session_id, None)
            answer.done.set()

    def _so_far(self, session: Session) -> tuple[list[Turn], list[Turn]]:
        """The greeting, if it was shown and is not kept yet, and what was said until now."""
        with self._ledger.store.reading() as connection:
            before = [turn for turn in rows.turns_of(connection, session.id) if turn.role in SPOKEN]
        greeting = "" if before else self.greeting(session)
        return ([Turn(0, "assistant", greeting, 0.0, source=CHAT)] if greeting else []), before

    def _keep(self, session_id: str, answer: ChatAnswer, text: str) -> None:
        now = self._ledger.clock()
        seconds = (now - self._ledger.get(session_id).created_at).total_seconds()
        spoken = (("user", answer.said), ("assistant", text))
        exchange = [Turn(0, role, said, seconds, source=CHAT) for role, said in spoken]
        with self._ledger.store.writing() as connection:
            if answer.first:
                rows.note(connection, session_id, now, "chat", "Text chat began")
            rows.append_turns(connection, session_id, CHAT, [*answer.opening, *exchange])

    def _part_played(self, session: Session, *, ask: bool = True) -> tuple[PersonaPart, str]:
        """The persona's row as the chat needs it, read from Tavus once (`ask`) if it was not known at the start."""
        with self._ledger.store.reading() as connection:
            part = rows.persona_of(connection, session.id)
        context = part.pop("call_context", "")
        if not part.get("system_prompt") and session.persona_id:
            persona = self._persona(session.persona_id, ask)
            if persona is not None:
                known = _persona_part(persona)
                greeting = part.get("greeting") or persona.greeting
                counts = Counter(known["unread"]) + Counter(part.get("unread", {}))
                part = {**part, **known, "greeting": greeting, "unread": dict(counts)}
        part.setdefault("persona_name", session.persona_name or session.agent_name)
        return part, context

    def _persona(self, persona_id: str, ask: bool) -> Persona | None:
        try:
            known = self._catalogue.personas() if ask else self._catalogue.persona_shelf.peek()
        except GreenroomError:
            return None
        return known.find(persona_id) if known else None


def part_of(persona: Persona | None, agent: Agent) -> PersonaPart:
    """What is kept of a persona for text chat: never its layers, which can hold keys.

    `unread` counts what it has beside: documents and rules are Tavus's, and nobody reads them here.
    """
    call = agent.call
    added = {"document_ids": list(call.document_ids), "document_tags": list(call.document_tags)}
    part: PersonaPart = _persona_part(persona) if persona else {}
    part["call_context"], part["language"] = call.context, call.language
    part["unread"] = counted(persona.raw if persona else {}, added)
    if call.greeting:
        part["greeting"] = call.greeting
    return part


def _persona_part(persona: Persona) -> PersonaPart:
    return {
        "persona_name": persona.name,
        "system_prompt": persona.system_prompt,
        "context": persona.context,
        "greeting": persona.greeting,
        "unread": counted(persona.raw),
    }
