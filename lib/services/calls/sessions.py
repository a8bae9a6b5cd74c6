"""Sessions: start one, see the open ones, end one, read its record.

A start writes its intent and the reservation of its minutes in one transaction, then sends its one POST in the
background and writes the answer right after. Pages read rows; they never wait for Tavus.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lib.clients.rooms import safe_room_url
from lib.errors import BadInput, Conflict, GreenroomError, NotFound, SettingsWrong
from lib.models import Agent, Conversation, Mode, Session, SessionEvent, Status, Turn, Watch
from lib.services.agents.service import Agents
from lib.services.calls import limits
from lib.services.calls.background.sweeper import Sweeper
from lib.services.calls.limits import Allowance
from lib.services.calls.starting import Starting
from lib.services.calls.viewers import Viewers
from lib.services.calls.watching import Monitor, Trouble
from lib.services.catalogue.catalogue import Catalogue
from lib.services.chat.sessions import part_of
from lib.services.ledger.ledger import OPEN, Ledger
from lib.services.modes.phoenix import CallPlan
from lib.services.modes.pipecat.mode import PipecatDaily
from lib.settings import Loaded
from lib.store import agents as agent_rows
from lib.store import lists, removed
from lib.store import sessions as rows
from lib.store.cache import TtlCache
from lib.store.hurry import StatementTimeout
from lib.store.search import moment_of, number_of

log = logging.getLogger(__name__)

TOKEN_LIMIT = 200
NAME_LIMIT = 120
LIST_S, SEARCH_S = 5.0, 1.0
"""How long a list and a search may take, in seconds."""


@dataclass(frozen=True)
class SessionPage:
    """Some sessions, newest first. `next` and `previous` are the cursors of the pages around it, None at the ends.

    `total` counts all pages; where `capped`, there may be more. `searched_to`: a search stopped there when its second
    was over, and goes on with `next`. `loosened`: no session holds the words themselves, these hold longer ones that
    begin with them. `wordless`: there is no word to look for in the text.
    """

    items: tuple[Session, ...]
    next: str | None
    total: int
    previous: str | None = None
    capped: bool = False
    searched_to: datetime | None = None
    loosened: bool = False
    wordless: bool = False


class RoomTokens:
    """Meeting tokens of private rooms: in memory only, gone with the process."""

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}

    def keep(self, session_id: str, conversation: Conversation) -> None:
        if conversation.meeting_token:
            self._tokens[session_id] = conversation.meeting_token

    def add(self, session: Session, url: str) -> str:
        """The URL with its token; "" if the room is private and its token is lost."""
        if not session.private_room:
            return url
        token = self._tokens.get(session.id)
        return f"{url}?t={token}" if token else ""


class Sessions:
    """The sessions of one account. Raises StoreRefused from every method while the database can't be used."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        loaded: Loaded,
        agents: Agents,
        catalogue: Catalogue,
        watching: Monitor,
        starting: Starting,
        sweeper: Sweeper,
        viewers: Viewers,
        tokens: RoomTokens,
        room_hosts: Callable[[], tuple[str, ...]],
        owner: str,
        pipecat: PipecatDaily,
    ) -> None:
        self._ledger = ledger
        self._loaded = loaded
        self._agents = agents
        self._catalogue = catalogue
        self._watching = watching
        self._starting = starting
        self._sweeper = sweeper
        self._viewers = viewers
        self._tokens = tokens
        self._room_hosts = room_hosts
        self._owner = owner
        self._pipecat = pipecat
        self._running: dict[str, Future[None]] = {}
        self._pages: TtlCache[SessionPage] = TtlCache(ledger.store)
        self._open: TtlCache[list[Session]] = TtlCache(ledger.store)

    # start

    def start(
        self,
        agent_id: str,
        *,
        token: str,
        enable_avatar: bool = True,
        watch: Watch = Watch.PAGE,
        actor: str = "",
    ) -> Session:
        """Start a session of this agent; gives back its row at once, the call itself follows in the background.

        `token` names the click: the same one again gives the same session and sends nothing. A call is billed from
        its creation. Where no avatar can start (a limit, a setting, a refusal) the session is text and says why.
        `watch` says who must be watching for the call to go on, `actor` who asks (for the limit a person has).
        Raises NotFound, Conflict (the token was used for something else), BadInput.
        """
        if not token or len(token) > TOKEN_LIMIT:
            raise BadInput(f"A start needs a token of 1 to {TOKEN_LIMIT} characters.")
        asked = _fingerprint(agent_id, enable_avatar, watch)
        session, before = self._begin(agent_id, token, enable_avatar, watch, actor, asked)
        if before != asked:
            raise Conflict("This click token was used to start something else.", hint="Use a new token for each start.")
        return session

    def start_and_wait(self, agent_id: str, *, token: str, timeout_s: float = 30.0, **how: Any) -> Session:
        """As `start`, and wait until the row says how the start went, `timeout_s` at most."""
        session = self.start(agent_id, token=token, **how)
        running = self._running.get(session.id)
        if running is not None:
            wait([running], timeout_s)
        return self._ledger.get(session.id)

    def allowance(self, actor: str = "") -> Allowance:
        """What Greenroom's own limits leave to this person."""
        with self._ledger.store.reading() as connection:
            return limits.allowance(
                connection, self._ledger.account, self._loaded.settings, self._ledger.clock(), actor
            )

    # watch

    def follow(self, tab: str, session_id: str, connected: Callable[[], bool]) -> None:
        """This tab shows the session, for as long as it is `connected`. Costs nothing; call it as often as you like."""
        self._viewers.follow(tab, session_id, connected)

    def leave(self, tab: str) -> None:
        """This tab shows no session any more."""
        self._viewers.leave(tab)

    def glimpse(self, session: Session) -> None:
        """A caller asked about it just now, which keeps a call going that asked to be watched in this way."""
        if session.watch is Watch.API:
            self._viewers.glimpse(session.id)

    def detach(self, session_id: str) -> None:
        """Its room was opened in a tab of its own, which can't be seen from here: Tavus's timers end it."""
        session = self._ledger.get(session_id)
        if session.watch is Watch.PAGE:
            self._ledger.advance(session_id, "detached", from_statuses=OPEN, watch=Watch.DETACHED)

    # see

    def get(self, session_id: str) -> Session:
        """Raises NotFound."""
        return self._ledger.get(session_id)

    def recent(self, session_id: str) -> Session:
        """The same for who looks again and again. What another process wrote may be 2 s old. Raises NotFound."""
        known = next((session for session in self._open_ones() if session.id == session_id), None)
        return known or self._ledger.get(session_id)

    def open(self) -> list[Session]:
        """Sessions that may hold a room or a chat, newest first. What another process wrote may be 2 s old."""
        return list(self._open_ones())

    def _open_ones(self) -> list[Session]:
        return self._open.get("", self._ledger.open)

    def page(
        self,
        *,
        limit: int = 25,
        cursor: str | None = None,
        newer: bool = False,
        agent_id: str = "",
        statuses: tuple[str, ...] = (),
        modes: tuple[str, ...] = (),
        text: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> SessionPage:
        """Sessions, newest first: those after `cursor`, or with `newer` those before it.

        `text` is looked for in transcripts and agents' names: words, "phrases" and beginn*; any text is allowed.
        Raises BadInput (cursor), StoreSlow (filters that find next to nothing among very many sessions).
        """
        filters = lists.SessionFilters(agent_id, statuses, modes, text.strip(), since, until)
        key = (limit, cursor, newer, filters)
        return self._pages.get(key, lambda: self._page(limit, cursor, newer, filters))

    def _page(self, limit: int, cursor: str | None, newer: bool, filters: lists.SessionFilters) -> SessionPage:
        place = _place(cursor) if cursor else None
        with self._ledger.store.reading() as connection:
            hurry = StatementTimeout(connection, SEARCH_S if filters.text else LIST_S)
            found = lists.page(hurry, self._ledger.account, filters, limit=limit, place=place, newer=newer)
            total, capped = len(found.sessions), False
            if not found.whole:
                total, capped = lists.total(hurry, self._ledger.account, filters, loose=found.loosened)
        return SessionPage(
            found.sessions,
            _cursor(found.older),
            max(total, len(found.sessions)),
            previous=_cursor(found.newer),
            capped=capped,
            searched_to=found.searched_to,
            loosened=found.loosened,
            wordless=bool(filters.text) and not lists.words_in(filters.text),
        )

    def turns(self, session_id: str) -> list[Turn]:
        """The call's transcript (source `tavus`), then the text chat (source `chat`)."""
        with self._ledger.store.reading() as connection:
            return rows.turns_of(connection, session_id)

    def timeline(self, session_id: str) -> list[SessionEvent]:
        with self._ledger.store.reading() as connection:
            return rows.timeline(connection, session_id)

    def room_url(self, session: Session) -> str:
        """What the frame may show, with the meeting token of a private room; "" if there is no room to join.

        There is none once it is over, if it is private and its token went with an earlier process, and while its
        address is that of an earlier process (the embedded sandbox's port moved) until Tavus has been asked again.
        """
        if not session.conversation_url or session.status not in (Status.WAITING, Status.LIVE):
            return ""
        try:
            return self._tokens.add(session, safe_room_url(session.conversation_url, self._room_hosts()))
        except BadInput:
            log.warning("the room of session %s is at an address that is not shown", session.id)
            return ""

    # end

    def end(self, session_id: str) -> Session:
        """End it: the row says `ending` at once (a chat `ended`), Tavus is told in the background until it agrees.

        Ending what has ended does nothing; ending what is `ending` asks Tavus again now. Raises NotFound.
        """
        session = self._ledger.get(session_id)
        if not session.in_room:
            self._ledger.ended(session, "ended_here")
        elif session.status.open:
            self._ledger.advance(
                session_id,
                "ending",
                from_statuses=[status for status in OPEN if status is not Status.ENDING],
                status=Status.ENDING,
            )
            self._starting.background(lambda: self._finish(session_id))
        return self._ledger.get(session_id)

    def trouble(self, session_id: str) -> Trouble | None:
        """What keeps Tavus from being asked about this session, None while all is well. Asks nobody."""
        return self._watching.trouble(session_id)

    def hint(self, session_id: str) -> None:
        """A callback named this session: look at it, believing nothing that the callback said."""
        self._sweeper.hint(session_id)

    def callback_secret(self, session_id: str) -> str:
        """The last part of the session's callback address: names it, and proves that we made the address."""
        return callback_secret(self._ledger.store.meta("callback_secret"), session_id)

    def _begin(
        self, agent_id: str, token: str, enable_avatar: bool, watch: Watch, actor: str, asked: str
    ) -> tuple[Session, str]:
        """The session of this token and what it was asked with; made now, in one transaction, if there is none."""
        now = self._ledger.clock()
        with self._ledger.store.writing() as connection:
            self._ledger.store.lock_guard(connection)
            known = rows.by_token(connection, self._ledger.account, token)
            if known is not None:
                return known
            if removed.had_token(connection, self._ledger.account, token):
                raise Conflict("What this click started was deleted.", hint="Use a new token for each start.")
            agent = agent_rows.one(connection, self._ledger.account, agent_id)
            if agent is None:
                raise NotFound(f"There is no agent {agent_id[:60]!r}.")
            call_s = agent.call.longest_s(self._loaded.settings.max_call_s)
            mode, refusal = self._mode() if enable_avatar else (Mode.TEXT, None)
            if enable_avatar and refusal is None:
                left = limits.allowance(connection, self._ledger.account, self._loaded.settings, now, actor)
                refusal = left.refusal(call_s)
            avatar = enable_avatar and refusal is None
            listing = self._catalogue.persona_shelf.peek()
            persona = listing.find(agent.persona_id) if listing else None
            session_id = self._ledger.new_id()
            session = Session(
                id=session_id,
                agent_id=agent.id,
                agent_name=agent.name,
                persona_id=agent.persona_id,
                persona_name=persona.name if persona else "",
                replica_id=self._agents.replica_of(agent, persona),
                mode=mode if avatar else Mode.TEXT,
                status=Status.STARTING if avatar else Status.LIVE,
                created_at=now,
                max_call_s=call_s,
                recordings=None if avatar and agent.call.recording and agent.call.recording_storage else (),
                private_room=avatar
                and (agent.call.private_room if mode is Mode.PHOENIX_REST else self._pipecat.private),
                live_at=None if avatar else now,
                reason=refusal.message if refusal else "",
                reason_code=refusal.code if refusal else "",
                reason_hint=refusal.hint if refusal else "",
                watch=watch if avatar else Watch.NOBODY,
            )
            name = self._ledger.name_of(session_id, agent.name, NAME_LIMIT)
            part = part_of(persona, agent)
            intent = rows.Intent(session, token, asked, name, part, owner=self._owner, actor=actor)
            rows.add(connection, self._ledger.account, intent)
            rows.note(connection, session_id, now, "start", "" if avatar else session.reason or "Text chat")
            agent_rows.touch(connection, self._ledger.account, agent.id, now)
        if avatar:
            running = self._starting.submit(CallPlan(session, name, agent.call))
            self._running[session_id] = running
            running.add_done_callback(lambda _: self._after_start(session_id))
        return session, asked

    def _after_start(self, session_id: str) -> None:
        self._running.pop(session_id, None)
        self._sweeper.hint(session_id)

    def _mode(self) -> tuple[Mode, GreenroomError | None]:
        """The mode that an avatar starts in now, and why none can.

        A mode that can't start turns into another paid one only where TAVUS_AVATAR_FALLBACK says so.
        """
        settings = self._loaded.settings
        if self._loaded.problems:
            names = ", ".join(sorted({problem.name for problem in self._loaded.problems}))
            return Mode.TEXT, SettingsWrong(f"A setting is wrong, so no avatar can start: {names}.")
        if settings.tavus_avatar_mode is not Mode.PIPECAT_DAILY:
            return Mode.PHOENIX_REST, None
        refusal = self._pipecat.unable()
        if refusal is not None and settings.tavus_avatar_fallback == Mode.PHOENIX_REST:
            return Mode.PHOENIX_REST, None
        return Mode.PIPECAT_DAILY, refusal

    def _private(self, mode: Mode, agent: Agent) -> bool:
        return self._pipecat.private if mode is Mode.PIPECAT_DAILY else agent.call.private_room

    def _finish(self, session_id: str) -> None:
        """Two looks: the first ends it at Tavus, the second sees that it has ended; the sweeper does the rest."""
        try:
            for _ in range(2):
                if self._ledger.get(session_id).status is Status.ENDING:
                    self._watching.check(session_id)
        except GreenroomError as error:
            log.warning("session %s could not be ended yet: %s", session_id, error.code)
        except Exception:
            log.exception("session %s could not be ended yet", session_id)
        self._sweeper.hint(session_id)


def callback_secret(key: str, session_id: str) -> str:
    """The secret for this session by the database's own key."""
    return f"{session_id}.{hmac.digest(key.encode(), session_id.encode(), 'sha256').hex()[:40]}"


def _fingerprint(agent_id: str, enable_avatar: bool, watch: Watch) -> str:
    asked = [agent_id, enable_avatar, *([watch] if watch is Watch.API else [])]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _cursor(place: lists.Place | None) -> str | None:
    return f"{number_of(place[0])}~{place[1]}" if place else None


def _place(cursor: str) -> lists.Place:
    number, _, session_id = cursor.partition("~")
    try:
        return moment_of(int(number)), session_id
    except (ValueError, OverflowError):
        raise BadInput("That is not a cursor of this list.", hint="Begin at the first page.") from None
