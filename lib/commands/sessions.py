"""`python -m lib sessions list | end-all --ours`: what runs and is billed, and its end, with the dashboard down.

Both exit with 0 if all is well: `end-all` only once Tavus has shown that none of ours runs any more, else with 1.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.commands.outside import ServicesCommand, Told

if TYPE_CHECKING:
    from lib.models import Session
    from lib.wiring import Services

WITHIN_S = 60.0
STOPPED = "Calls may still run, and are billed while they do: list them, or end them all."


def add(commands: Any, root: Path) -> None:
    """Put the command into `commands`, the subparsers of `python -m lib`; `root` is where .env lies."""
    sessions = commands.add_parser("sessions", help="calls that run: list them, end them all")
    todo = sessions.add_subparsers(dest="todo", required=True)
    every = todo.add_parser("list", help="our open sessions, and what Tavus runs of ours")
    end = todo.add_parser("end-all", help="end every call that was started with this database")
    end.add_argument("--ours", action="store_true", required=True, help="only ours: others are never ended")
    end.add_argument("--within", type=float, default=WITHIN_S, metavar="S", help=f"seconds to try ({WITHIN_S:.0f})")
    for command, run in ((every, _list), (end, _end_all)):
        command.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        command.set_defaults(run=ServicesCommand(run, root, stopped=STOPPED), parser=command)


def _list(args: argparse.Namespace, services: Services) -> tuple[Told, int]:
    if not services.store.exists():
        return _nothing(args)
    switch = services.kill_switch
    calls = switch.calls()
    running, others = switch.running()
    rows = [_row(session) for session in calls]
    held = {row["conversation"] for row in rows}
    unknown = [{"conversation": one.id, "name": one.name} for one in running if one.id not in held]
    if not args.json:
        for row in rows:
            print(f"{row['session']}  {row['status']:9} {row['conversation'] or '-':20} {row['agent']}")
        for one in unknown:
            print(f"{'no session':24}  running   {one['conversation']:20} {one['name']}")
        print(f"{len(rows)} open in this database, {len(running)} of ours run at Tavus, {others} of others.")
    return {"open": rows, "running": len(running), "without_session": unknown, "others": others}, 0


def _end_all(args: argparse.Namespace, services: Services) -> tuple[Told, int]:
    if not services.store.exists():
        return _nothing(args)
    left = services.kill_switch.end_all(args.within)
    if not args.json:
        for session in left.ended:
            print(f"{session.id}  {session.status}  {session.end_reason or session.reason}  {_printable(session)}")
        for conversation in left.still:
            print(f"{conversation} still runs.")
        for session in left.unclear:
            print(f"{session.id} may have been made: Tavus gave no clear answer to its start. Run this again later.")
        if left.trouble:
            print(f"Tavus could not be asked: {left.trouble}")
        print("None of ours runs." if left.clean else "Not all is certain to have ended; run this again.")
    told = {
        "ended": [session.id for session in left.ended],
        "still_running": list(left.still),
        "unclear": [session.id for session in left.unclear],
        "trouble": left.trouble,
    }
    return told, 0 if left.clean else 1


def _nothing(args: argparse.Namespace) -> tuple[Told, int]:
    if not args.json:
        print("There is no database yet, so no call was started from here.")
    return {"open": [], "running": 0}, 0


def _row(session: Session) -> dict[str, Any]:
    return {
        "session": session.id,
        "status": session.status.value,
        "conversation": session.conversation_id,
        "agent": _printable(session),
        "started": session.created_at.isoformat(timespec="seconds"),
    }


def _printable(session: Session) -> str:
    """The agent's name, which may hold anything, in one line."""
    return "".join(letter if letter.isprintable() else " " for letter in session.agent_name)[:60]
