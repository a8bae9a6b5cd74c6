"""The mutations that the ledger's tests must notice: the thirteen of the protocol, and our own.

Each says what would be wrong, how to make it so (text of a file, and what stands there instead), and the directed
tests that are to see it. Those of the protocol are also given to the random machine.
"""

from __future__ import annotations

from dataclasses import dataclass

START, SWEEP = "tests/services/ledger/test_rows_of_a_start.py", "tests/services/ledger/test_rows_of_the_sweeper.py"
LIMITS, LEASE = "tests/services/ledger/test_rows_of_the_limits.py", "tests/services/ledger/test_lease.py"


@dataclass(frozen=True)
class Mutant:
    """`edits` are (file, old, new); every `old` stands in its file exactly once. `database`: where the tests run."""

    name: str
    wrong: str
    edits: tuple[tuple[str, str, str], ...]
    tests: tuple[str, ...]
    machine: bool = False
    database: str = "sqlite"


def _row(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{file}::{name}" for name in names)


PROTOCOL = (
    Mutant(
        "retry_on_timeout",
        "A start without a clear answer is sent again.",
        (
            (
                "lib/services/calls/starting.py",
                "            conversation = self._modes.start(plan)\n",
                "            try:\n"
                "                conversation = self._modes.start(plan)\n"
                "            except Ambiguous:\n"
                "                conversation = self._modes.start(plan)\n",
            ),
        ),
        _row(START, "test_row_07_no_answer_in_time_though_created_is_found_and_kept"),
        machine=True,
    ),
    Mutant(
        "no_write_ahead",
        "The call is asked for before its intent is written.",
        (
            (
                "lib/services/calls/sessions.py",
                "            intent = rows.Intent(",
                "            if session.in_room:\n"
                "                self._starting.submit(plan).result()\n"
                "            intent = rows.Intent(",
            ),
            (
                "lib/services/calls/sessions.py",
                "        if session.in_room:\n            running = self._starting.submit(plan)\n",
                "        if session.in_room:\n"
                "            running: Future[None] = Future()\n"
                "            running.set_result(None)\n",
            ),
            (
                "lib/services/calls/starting.py",
                "        status = self._ledger.get(session.id).status\n",
                "        status = Status.STARTING\n",
            ),
        ),
        _row(START, "test_row_14_a_process_killed_after_its_post_is_taken_over_and_makes_no_second_call"),
        machine=True,
    ),
    Mutant(
        "no_click_dedupe",
        "The same click again is another call.",
        (
            (
                "lib/services/calls/sessions.py",
                "            if known is not None:\n",
                "            if known is None:\n                pass\n            elif False:\n",
            ),
            ("lib/store/schema.py", '    UniqueConstraint("account", "token", name="sessions_one_per_token"),\n', ""),
            (
                "lib/store/migrations/versions/m0001_first.py",
                '        sa.UniqueConstraint("account", "token", name="sessions_one_per_token"),\n',
                "",
            ),
            (
                "lib/store/sessions.py",
                '{"account": account, "token": token}).one_or_none()',
                '{"account": account, "token": token}).first()',
            ),
        ),
        _row(START, "test_row_01_one_click_by_eight_callers_is_one_call_and_all_see_it"),
        machine=True,
    ),
    Mutant(
        "guard_counts_only_active",
        "What is being started or checked does not count as open.",
        (
            (
                "lib/store/sessions.py",
                "        if status in OPEN:\n            open_calls",
                '        if status in ("waiting", "live"):\n            open_calls',
            ),
        ),
        _row(LIMITS, "test_row_26_what_is_being_checked_counts_as_open"),
        machine=True,
    ),
    Mutant(
        "timeout_is_failed",
        "No answer counts as not made.",
        (
            (
                "lib/services/calls/starting.py",
                "            self._unclear(session, error.message, error)\n        except GreenroomError",
                "            self._not_made(session, error)\n        except GreenroomError",
            ),
        ),
        _row(START, "test_row_07_no_answer_in_time_though_created_is_found_and_kept"),
        machine=True,
    ),
    Mutant(
        "first_page_only",
        "Only the first page of a list is read.",
        (
            (
                "lib/clients/sweeping.py",
                "        if 0 <= total <= len(found) or",
                "        if True or 0 <= total <= len(found) or",
            ),
        ),
        _row(SWEEP, "test_row_19_ours_behind_more_than_a_page_of_others_is_found"),
        machine=True,
    ),
    Mutant(
        "list_failure_is_empty",
        "A list that fails counts as an empty one.",
        (
            (
                "lib/services/calls/background/reconciler.py",
                "                self._breaker.failed(error)\n"
                "                for session in sought:\n"
                "                    self._monitor.troubled(session.id, error)\n"
                "                raise\n",
                "                self._breaker.failed(error)\n"
                "                listing = Swept()\n"
                "                listing.complete, conversations = True, []\n",
            ),
            (
                "lib/services/calls/background/reconciler.py",
                "from lib.errors import GreenroomError, UpstreamError\n",
                "from lib.clients.sweeping import Swept\nfrom lib.errors import GreenroomError, UpstreamError\n",
            ),
        ),
        _row(SWEEP, "test_row_17_a_list_that_fails_or_comes_in_part_changes_nothing"),
        machine=True,
    ),
    Mutant(
        "no_horizon",
        "What one list does not show was not made.",
        (
            (
                "lib/services/calls/background/reconciler.py",
                "if age_s[session.id] >= horizon_s]\n            if self._stopwatch",
                "if age_s[session.id] >= 0]\n            if self._stopwatch",
            ),
        ),
        _row(SWEEP, "test_row_18_a_list_that_lags_behind_gives_nothing_up_and_ends_nothing"),
        machine=True,
    ),
    Mutant(
        "no_watch_reaper",
        "A call that nobody watches goes on.",
        (
            (
                "lib/services/calls/background/reaper.py",
                "            elif session.watch in WATCHED and unseen_s >= grace_s:",
                "            elif False:",
            ),
        ),
        _row(SWEEP, "test_row_24_a_page_that_was_never_opened_watches_nothing"),
        machine=True,
    ),
    Mutant(
        "no_orphan_sweep",
        "A call that no session asked for, or not any more, is left alone.",
        (
            (
                "lib/services/calls/claims.py",
                "            if account is None:\n",
                '            if account is None:\n                return ""\n            if account is None:\n',
            ),
            ("lib/services/calls/claims.py", "if self._late(connection, session, conversation):", "if False:"),
            (
                "lib/services/calls/claims.py",
                '            return self._record(connection, self.ledger.new_id(), conversation, "extra", session)\n',
                '            return ""\n',
            ),
        ),
        _row(SWEEP, "test_row_22_a_call_whose_row_is_lost_gets_one_again_and_is_ended")
        + _row(START, "test_row_09_created_after_the_horizon_is_ended_within_an_interval_and_in_the_ledger"),
        machine=True,
    ),
    Mutant(
        "reap_inflight",
        "A call whose start is still being answered is taken for an orphan.",
        (
            (
                "lib/services/calls/claims.py",
                'session.in_room:\n                return ""\n',
                "session.in_room:\n"
                "                new_id = self.ledger.new_id()\n"
                '                return self._record(connection, new_id, conversation, "extra", session)\n',
            ),
        ),
        _row(SWEEP, "test_row_20_another_process_that_reconciles_between_post_and_record_leaves_the_start_alone"),
        machine=True,
    ),
    Mutant(
        "end_foreign",
        "Calls of others are ended too.",
        (
            (
                "lib/services/ledger/ledger.py",
                '_ID.fullmatch(session_id) else ""',
                "_ID.fullmatch(session_id) else self.new_id()",
            ),
        ),
        _row(SWEEP, "test_row_21_two_databases_on_one_account_and_strangers_never_end_each_others_calls"),
        machine=True,
    ),
    Mutant(
        "no_ended_adopt",
        "A call that was made and has ended is not looked for.",
        (
            (
                "lib/services/calls/background/reconciler.py",
                "            if session_id:\n                ours",
                "            if session_id and conversation.active:\n                ours",
            ),
        ),
        _row(START, "test_row_10_late_and_over_between_two_lists_is_ended_with_its_cost"),
        machine=True,
    ),
)

OURS = (
    Mutant(
        "no_comparison",
        "A status is changed whatever it is by then.",
        (
            (
                "lib/store/sessions.py",
                "    if from_statuses is not None:\n        where.append",
                "    if from_statuses is None:\n        where.append",
            ),
        ),
        _row(SWEEP, "test_row_30_two_sweepers_at_once_come_to_the_same_end"),
    ),
    Mutant(
        "ended_by_assumption",
        "Once its end was asked for, a call counts as ended.",
        (
            (
                "lib/services/calls/monitor.py",
                "            self._modes.end(session)\n",
                "            with suppress(GreenroomError):\n"
                "                self._modes.end(session)\n"
                '            self._ledger.ended(session, "end_conversation_endpoint_hit")\n',
            ),
            ("lib/services/calls/monitor.py", "import logging\n", "import logging\nfrom contextlib import suppress\n"),
            (
                "lib/services/calls/monitor.py",
                "from lib.errors import Ambiguous, ",
                "from lib.errors import GreenroomError, Ambiguous, ",
            ),
        ),
        _row(SWEEP, "test_row_23_ended_is_believed_only_when_tavus_shows_it")
        + _row(SWEEP, "test_row_31_a_key_that_is_revoked_leaves_it_ending_and_says_so"),
        machine=True,
    ),
    Mutant(
        "ages_by_the_wall_clock",
        "How long a start is looked for is told by a clock that jumps.",
        (
            (
                "lib/services/calls/background/reconciler.py",
                'age_s = {session.id: self._stopwatch.of("sought", session.id) for session in sought}',
                "age_s = {one.id: (self._ledger.clock() - one.created_at).total_seconds() for one in sought}",
            ),
        ),
        _row(SWEEP, "test_row_29_a_clock_that_jumps_ends_nothing_and_gives_nothing_up"),
        machine=True,
    ),
    Mutant(
        "time_passes_in_sleep",
        "What nobody looked at grows old all the same.",
        (
            (
                "lib/services/calls/stopwatch.py",
                "max(0.0, min(at - self._last, self._longest_step_s))",
                "at - self._last",
            ),
        ),
        _row(LEASE, "test_a_lease_that_nobody_looked_at_for_an_hour_is_not_taken_over_at_the_first_look"),
    ),
    Mutant(
        "no_breaker",
        "Starts are sent while Tavus is out of reach.",
        (("lib/services/calls/breaker.py", "        return self._failures >= FAILURES\n", "        return False\n"),),
        _row(LIMITS, "test_row_32_while_tavus_is_out_of_reach_starts_are_refused_and_afterwards_the_ledger_is_right"),
    ),
    Mutant(
        "no_take_over",
        "What a dead process was starting is left as it is.",
        (("lib/services/calls/background/recovery.py", "            self._left_over(self._lease.before)\n", ""),),
        _row(START, "test_row_04_a_process_killed_between_intent_and_post_made_nothing_and_that_is_found_out"),
    ),
    Mutant(
        "outcome_forgotten",
        "An outcome that can't be written is given up.",
        (
            (
                "lib/services/calls/starting.py",
                "            self._unwritten[session_id] = kept\n",
                "            pass\n",
            ),
        ),
        _row(START, "test_row_15_an_outcome_that_can_not_be_written_is_written_when_it_can"),
    ),
    Mutant(
        "viewers_kept_to_oneself",
        "Another process does not learn who watches here.",
        (
            (
                "lib/services/calls/viewers.py",
                "            rows.see(connection, due, self.clock())\n",
                "            pass\n",
            ),
        ),
        _row(SWEEP, "test_row_25_a_viewer_whose_sign_is_written_late_is_still_a_viewer"),
    ),
    Mutant(
        "everybody_leads",
        "Each process sweeps.",
        (
            (
                "lib/services/calls/background/lease.py",
                "        if not self._lapsed(seen):\n            return False\n",
                "        self._lapsed(seen)\n",
            ),
        ),
        _row(LEASE, "test_a_lease_is_taken_over_only_after_it_was_seen_unchanged_for_as_long_as_it_lasts"),
    ),
    Mutant(
        "unknown_is_gone",
        "A call that Tavus does not know counts as ended at once.",
        (("lib/services/calls/monitor.py", ">= self._limits.horizon_s:", ">= 0:"),),
        _row(SWEEP, "test_row_23_a_call_that_tavus_does_not_know_yet_is_not_taken_for_gone"),
    ),
    Mutant(
        "half_a_list_is_a_list",
        "A list that says that it has more counts as whole.",
        (("lib/clients/sweeping.py", "    rows.complete = 0 <= total <= len(found)\n", "    rows.complete = True\n"),),
        _row(SWEEP, "test_row_17_a_list_that_says_it_has_more_than_it_gives_gives_nothing_up"),
    ),
    Mutant(
        "no_lock_around_the_limit",
        "Two starts at once both see the last free place.",
        (("lib/store/database.py", "        self._lock(connection, GUARD_LOCK)\n", "        pass\n"),),
        _row(LIMITS, "test_row_26_many_starts_at_once_in_two_processes_send_exactly_as_many_as_the_limit"),
        database="postgresql",
    ),
)

EVERY = PROTOCOL + OURS
