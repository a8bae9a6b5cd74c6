"""`python -m lib personas plan | apply | export DIR`: personas as files, without a browser and with the dashboard down.

`plan` exits with 0 if there is nothing to do, 2 if changes are pending, 1 if anything is refused or fails; `apply` and
`export` with 0 or 1. Nothing that needs an installed package is imported before a command runs.
"""

from __future__ import annotations

import argparse
import getpass
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.commands.outside import ServicesCommand, Told

if TYPE_CHECKING:
    from lib.services.personas.folder import FolderFile
    from lib.services.personas.plan import PersonasPlan
    from lib.wiring import Services

NOTHING, REFUSED, PENDING = 0, 1, 2
STOPPED = "What was on its way may have been done: plan again."


def add(commands: Any, root: Path) -> None:
    """Put the command into `commands`, the subparsers of `python -m lib`; `root` is where .env lies."""
    personas = commands.add_parser("personas", help="personas as files: plan, apply, export")
    todo = personas.add_subparsers(dest="todo", required=True)
    plan = todo.add_parser("plan", help="say what applying the files would do; sends nothing")
    apply = todo.add_parser("apply", help="create and change personas as the files say; never deletes")
    export = todo.add_parser("export", help="write a file for each of the account's own personas")
    for parser in (personas, plan, apply, export):
        # 2 would tell a pipeline that changes are pending.
        parser.misused = REFUSED
    for command, run in ((plan, _plan), (apply, _apply), (export, _export)):
        command.add_argument("dir", type=Path, metavar="DIR", help="folder of *.yaml files, or one file")
        command.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        command.set_defaults(
            run=ServicesCommand(run, root, stopped=STOPPED, about=_about, write=run is _apply), parser=command
        )
    for command in (plan, apply):
        command.add_argument(
            "--overwrite", action="store_true", help="the files win over what was changed at Tavus since their export"
        )
    apply.add_argument("--reason", default="", help="why, for the history")
    export.add_argument("--name", action="append", default=[], help="only the persona of this name; may be repeated")
    export.add_argument("--ids", action="store_true", help="also ids that only this account has, such as documents")
    export.add_argument("--no-base", action="store_true", help="leave out what the file was exported from")
    export.add_argument("--overwrite", action="store_true", help="write over files with changes that are not applied")


def _about(args: argparse.Namespace, services: Services | None) -> Told:
    where = {"dir": str(args.dir)}
    return {"command": args.todo, **where, "tavus": services.tavus.base_url} if services is not None else where


def _planned(args: argparse.Namespace, services: Services) -> tuple[list[FolderFile], PersonasPlan]:
    from lib.services.personas import exporting, folder
    from lib.services.personas.plan import names_replica, plan

    found = folder.read(args.dir)
    files = [one.read for one in found]
    personas = exporting.own(services.catalogue.personas(max_age_s=0))
    replicas = None
    if any(names_replica(file) for file in files):
        replicas = {replica.id for replica in services.catalogue.replicas(max_age_s=0).items}
    return found, plan(files, personas, overwrite=args.overwrite, replicas=replicas)


def _plan(args: argparse.Namespace, services: Services) -> tuple[Told, int]:
    from lib.commands import plan_text

    _, plan = _planned(args, services)
    if not args.json:
        print(plan_text.head("Plan", args.dir, services.tavus.base_url))
        for step in plan.steps:
            print(plan_text.step(step))
        print(f"\n{plan.summary()} Nothing was sent.", *plan_text.others(plan), sep="\n")
    return plan_text.as_json(plan), REFUSED if plan.refused else PENDING if plan.pending else NOTHING


def _apply(args: argparse.Namespace, services: Services) -> tuple[Told, int]:
    from lib.commands import plan_text
    from lib.models import Origin
    from lib.services.personas import folder
    from lib.services.personas.applying import Done, apply
    from lib.services.personas.service import By

    found, plan = _planned(args, services)
    files = {one.path.name: one for one in found}
    by = By(actor=_actor(), reason=args.reason, origin=Origin.FILE)
    done: list[Done] = []
    unkept = _no_history(services)
    if not args.json:
        print(plan_text.head("Apply", args.dir, services.tavus.base_url), flush=True)
    with _between() as stopped:
        for one in apply(plan, services.personas, by, overwrite=args.overwrite, stopped=stopped):
            done.append(one)
            if one.base is not None:
                folder.rebase(files[one.step.file], one.base)
            if not args.json:
                print(plan_text.step(one.step), *plan_text.done(one), sep="\n", flush=True)
    if not args.json:
        print(f"\n{plan_text.result(done)}", *unkept, sep="\n")
    return {**plan_text.as_json(plan, done), "warnings": unkept}, NOTHING if all(one.ok for one in done) else REFUSED


def _export(args: argparse.Namespace, services: Services) -> tuple[Told, int]:
    from lib.commands import plan_text
    from lib.services.personas import exporting, folder

    personas = exporting.own(services.catalogue.personas(max_age_s=0), args.name)
    stock = frozenset() if args.ids else exporting.stock_replicas(services.catalogue, personas)
    done = folder.export(
        args.dir, personas, whole=not args.name, ids=args.ids, base=not args.no_base, stock=stock,
        overwrite=args.overwrite,
    )  # fmt: skip
    if not args.json:
        print(plan_text.head("Export", args.dir, services.tavus.base_url))
        print("\n".join(map(plan_text.exported, done)) or "This account has no personas of its own.")
    told = [{"file": one.file, "name": one.name, "written": one.written.value, "told": one.told} for one in done]
    return {"files": told}, NOTHING if all(one.ok for one in done) else REFUSED


def _no_history(services: Services) -> list[str]:
    """Says that what is done can't be kept in the history; [] if it can."""
    from lib.errors import GreenroomError

    try:
        services.store.check()
    except GreenroomError as error:
        return [f"The history could not be kept: {error.message} {error.hint}"]
    return []


def _actor() -> str:
    """The user of the operating system, as far as there is one: containers often have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "command line"


@contextmanager
def _between() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C take effect between two personas; a second one stops at once."""
    asked: list[int] = []

    def stop(number: int, _: object) -> None:
        asked.append(number)
        print("\nStopping after this persona. Once more stops at once.", file=sys.stderr, flush=True)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
