"""Sessions: start one, see the open ones, end one, read its record.

A start writes its intent and the reservation of its minutes in one transaction, then sends its one POST in the
background and writes the answer right after. Pages read rows and don't wait for Tavus, but for the one read of a
persona that no page has read before its start.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime

from lib.clients.rooms import safe_room_url
from lib.errors import BadInput, Conflict, GreenroomError, NotFound
from lib.models import Agent, CallLimits, Conversation, Session, SessionEvent, Status, Turn, Watch
from lib.services.calls.limits import Allowance, allowance
from lib.services.calls.monitor import Monitor, Trouble
from lib.services.calls.planning import Planner, refused
from lib.services.calls.starting import Starting
from lib.services.calls.viewers import Viewers
from lib.services.ledger.ledger import OPEN, Ledger
from lib.services.modes.mode import CallPlan, Modes
from lib.store import agents as agent_rows
from lib.store import lists, removed
from lib.store import sessions as rows
from lib.store.cache import TtlCache
from lib.store.cursor import cursor_of, place_of
from lib.store.statement_timeout import StatementTimeout

log = logging.getLogger(__name__)

TOKEN_LIMIT = 200
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
    """Meeting tokens of private rooms that are open: in memory only, gone with the process."""

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}

    def forget_over(self, open_ones: Callable[[], list[Session]]) -> None:
        """Drop those of rooms that are no longer among the open ones. Asks only where there is any."""
        # What is kept while the open ones are read belongs to a session that they may not show yet.
        before = list(self._tokens)
        if before:
            still = {session.id for session in open_ones()}
            for session_id in before:
                if session_id not in still:
                    self._tokens.pop(session_id, None)

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
        planner: Planner,
        modes: Modes,
        limits: CallLimits,
        monitor: Monitor,
        starting: Starting,
        hint: Callable[[str], None],
        viewers: Viewers,
        tokens: RoomTokens,
        owner: str,
    ) -> None:
        self._ledger = ledger
        self._planner = planner
        self._modes = modes
        self._limits = limits
        self._monitor = monitor
        self._starting = starting
        self._hint = hint
        self._viewers = viewers
        self._tokens = tokens
        self._owner = owner
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
        """Start a session of this agent; gives back its row, the call itself follows in the background.

        At once, where the persona is in memory, as it is after Home; else Tavus is asked for it first.
        `token` names the click: the same one again gives the same session and sends nothing. A call is billed from
        its creation. Where no avatar can start (a limit, a setting, a refusal) the session is text and says why.
        `watch` says who must be watching for the call to go on, `actor` who asks (for the limit a person has).
        Raises NotFound, Conflict (the token was used for something else), BadInput.
        """
        if not token or len(token) > TOKEN_LIMIT:
            raise BadInput(f"A start needs a token of 1 to {TOKEN_LIMIT} characters.")
        asked = _fingerprint(agent_id, enable_avatar, watch)
        while True:
            plan, refusal = self._planned(agent_id, enable_avatar, watch)
            begun = self._begin(agent_id, token, plan, refusal, actor, asked)
            if begun is not None:
                break
        session, before = begun
        if before != asked:
            raise Conflict("This click token was used to start something else.", hint="Use a new token for each start.")
        return session

    def start_and_wait(
        self,
        agent_id: str,
        *,
        token: str,
        enable_avatar: bool = True,
        watch: Watch = Watch.PAGE,
        actor: str = "",
        timeout_s: float = 30.0,
    ) -> Session:
        """As `start`, and wait until the row says how the start went, `timeout_s` at most."""
        session = self.start(agent_id, token=token, enable_avatar=enable_avatar, watch=watch, actor=actor)
        running = self._running.get(session.id)
        if running is not None:
            wait([running], timeout_s)
        return self._ledger.get(session.id)

    def allowance(self, actor: str = "") -> Allowance:
        """What Greenroom's own limits leave to this person."""
        with self._ledger.store.reading() as connection:
            return allowance(connection, self._ledger.account, self._limits, self._ledger.clock(), actor)

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

    def detach(self, session_id: str, *, actor: str = "") -> None:
        """Its room was opened in a tab of its own, which can't be seen from here: Tavus's timers end it."""
        session = self._ledger.get(session_id)
        if session.watch is Watch.PAGE:
            self._ledger.advance(session_id, "detached", from_statuses=OPEN, watch=Watch.DETACHED)

    # see

    def get(self, session_id: str) -> Session:
        """Raises NotFound."""
        return self._ledger.get(session_id)

    def recent(self, session_id: str) -> Session:
        """The session, for who looks again and again. What another process wrote may be 2 s old. Raises NotFound."""
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
        place = place_of(cursor, str)
        with self._ledger.store.reading() as connection:
            timeout = StatementTimeout(connection, SEARCH_S if filters.text else LIST_S)
            found = lists.page(timeout, self._ledger.account, filters, limit=limit, place=place, newer=newer)
            total, capped = len(found.sessions), False
            if not found.whole:
                total, capped = lists.total(timeout, self._ledger.account, filters, loose=found.loosened)
        return SessionPage(
            found.sessions,
            cursor_of(found.older),
            max(total, len(found.sessions)),
            previous=cursor_of(found.newer),
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
            return self._tokens.add(session, safe_room_url(session.conversation_url, self._modes.hosts()))
        except BadInput:
            log.warning("the room of session %s is at an address that is not shown", session.id)
            return ""

    # end

    def end(self, session_id: str, *, actor: str = "") -> Session:
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
        return self._monitor.trouble(session_id)

    def hint(self, session_id: str) -> None:
        """A callback named this session: look at it, believing nothing that the callback said."""
        self._hint(session_id)

    def _planned(
        self, agent_id: str, enable_avatar: bool, watch: Watch
    ) -> tuple[tuple[Agent, CallPlan] | None, GreenroomError | None]:
        """What a start of this agent will be, and why it gets no avatar. None where there is no such agent.

        May ask Tavus about the persona, so it is made before anything is locked.
        """
        with self._ledger.store.reading() as connection:
            agent = agent_rows.one(connection, self._ledger.account, agent_id)
        if agent is None:
            return None, None
        mode, refusal = self._modes.chosen() if enable_avatar else (self._modes.text, None)
        if refusal is None:
            try:
                return (agent, self._planner.plan_for(agent, mode, watch=watch)), None
            except GreenroomError as error:
                refusal = error
        return (agent, self._planner.plan_for(agent, self._modes.text)), refusal

    def _begin(
        self,
        agent_id: str,
        token: str,
        planned: tuple[Agent, CallPlan] | None,
        refusal: GreenroomError | None,
        actor: str,
        asked: str,
    ) -> tuple[Session, str] | None:
        """The session of this token and what it was asked with; made now, in one transaction, if there is none.

        None where the agent was changed since it was planned.
        """
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
            if planned is None or planned[0].updated_at != agent.updated_at:
                return None
            plan = planned[1]
            if plan.session.in_room:
                left = allowance(connection, self._ledger.account, self._limits, now, actor)
                refusal = left.refusal(plan.session.max_call_s)
                if refusal is not None:
                    plan = self._planner.plan_for(agent, self._modes.text)
            if refusal is not None:
                plan = refused(plan, refusal, now)
            session = plan.session
            intent = rows.Intent(session, token, asked, plan.name, plan.part, owner=self._owner, actor=actor)
            rows.add(connection, self._ledger.account, intent)
            told = "" if session.in_room else session.reason or "Text chat"
            rows.note(connection, session.id, now, "start", told)
            agent_rows.touch(connection, self._ledger.account, agent.id, now)
        if session.in_room:
            running = self._starting.submit(plan)
            self._running[session.id] = running
            running.add_done_callback(lambda _: self._after_start(session.id))
        return session, asked

    def _after_start(self, session_id: str) -> None:
        self._running.pop(session_id, None)
        self._hint(session_id)

    def _finish(self, session_id: str) -> None:
        """Two looks: the first ends it at Tavus, the second sees that it has ended; the sweeper does the rest."""
        try:
            for _ in range(2):
                if self._ledger.get(session_id).status is Status.ENDING:
                    self._monitor.check(session_id)
        except GreenroomError as error:
            log.warning("session %s could not be ended yet: %s", session_id, error.code)
        except Exception:
            log.exception("session %s could not be ended yet", session_id)
        self._hint(session_id)


def _fingerprint(agent_id: str, enable_avatar: bool, watch: Watch) -> str:
    asked = [agent_id, enable_avatar, *([watch] if watch is Watch.API else [])]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()
