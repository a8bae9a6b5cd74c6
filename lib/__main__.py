"""Greenroom's command line, `python -m lib`: sandbox, doctor, personas, sessions. Imports only what a command needs."""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lib.commands import personas, sessions
from lib.commands.parser import Parser

if TYPE_CHECKING:
    from lib.doctor.report import HealthCheck, Report

ROOT = Path(__file__).resolve().parent.parent


def sandbox(args: argparse.Namespace) -> int:
    """Run the sandbox alone, for tools and tests that speak Tavus's API."""
    import uvicorn

    from lib import sandbox as rooms
    from lib.server.hosts import HostCheck
    from lib.services.chat.responder import Responder
    from lib.settings import load

    state = Path(args.state) if args.state else None
    app = rooms.create(reply=Responder(None).reply, state_path=state)
    print(
        f"Sandbox of Tavus's API at http://127.0.0.1:{args.port}/v2, any x-api-key will do. Ctrl-C ends it.", flush=True
    )
    try:
        checked = HostCheck(app, own=f"http://127.0.0.1:{args.port}", allowed=load(ROOT).settings.hosts)
        uvicorn.run(checked, host="127.0.0.1", port=args.port, log_level="warning")
    finally:
        app.state.sandbox.close()
    return 0


def doctor(args: argparse.Namespace) -> int:
    """Say what works on this machine; also where nothing is installed yet."""
    from lib.doctor import command

    full = _full_report()
    if args.agent and not args.paid:
        print("--agent says whose call --paid holds; without --paid none is held.", file=sys.stderr)
        return 2
    if args.paid and full is None:
        print("--paid needs Greenroom's packages: run python dev.py run first. Nothing was started.", file=sys.stderr)
    paid = _paid_check(args.agent) if args.paid and full is not None else None
    return command.run(ROOT, as_json=args.json, full=full, paid=paid)


def _paid_check(agent_id: str) -> Callable[[], HealthCheck]:
    from lib.wiring import outside

    # To stderr, so that what is printed with --json stays one object.
    return lambda: outside.paid_check(ROOT, agent_id, lambda text: print(text, file=sys.stderr, flush=True))


def _full_report() -> Callable[[], Report] | None:
    """What makes the report of everything, None where a package that it needs is missing."""
    try:
        from lib.wiring import outside
    except ImportError:
        return None
    return lambda: outside.report(ROOT)


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m lib", description="Greenroom without a browser.")
    commands = parser.add_subparsers(dest="command", required=True)
    alone = commands.add_parser("sandbox", help="run the local stand-in for Tavus by itself")
    alone.add_argument("--port", type=int, default=8790, help="port on 127.0.0.1 (8790)")
    alone.add_argument("--state", default="", help="file to keep its state in; without one it forgets at the end")
    alone.set_defaults(run=sandbox)
    checks = commands.add_parser("doctor", help="say what works on this machine, and what to do where it does not")
    checks.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    checks.add_argument("--paid", action="store_true", help="also hold a real call and end it; Tavus bills it")
    checks.add_argument("--agent", default="", metavar="ID", help="whose call --paid holds (the first agent)")
    checks.set_defaults(run=doctor)
    personas.add(commands, ROOT)
    sessions.add(commands, ROOT)
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        getattr(args, "parser", parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        return 130


def in_our_python(argv: Sequence[str]) -> int:
    """As `main`; in the project's own environment where this Python lacks the packages that stand there."""
    own = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if importlib.util.find_spec("starlette") is None and own.exists() and Path(sys.prefix) != own.parent.parent:
        return subprocess.call([str(own), "-m", "lib", *argv])
    return main(argv)


if __name__ == "__main__":
    raise SystemExit(in_our_python(sys.argv[1:]))
