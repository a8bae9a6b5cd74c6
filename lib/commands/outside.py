"""Commands that work while the dashboard is down: one runner, and the services without a server."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lib.wiring import Services

Told = dict[str, Any]
"""What a command prints with --json, the exit code apart."""

NO_KEY = "TAVUS_API_KEY is not set, so there is no account to speak to."
NO_KEY_HINT = (
    "Set it in the environment or in .env. To speak to the sandbox of a dashboard that runs, set TAVUS_BASE_URL to its "
    "address with /sandbox/v2 behind it, such as http://127.0.0.1:8501/sandbox/v2. To try it without one, start "
    "`python -m lib sandbox --port 8790` and set TAVUS_BASE_URL=http://127.0.0.1:8790/v2."
)


class ServicesCommand:
    """One run of a command: output that no name can spoil, the services opened and closed, a known error told and 1.

    `run` returns what it tells and the exit code. `about` is told too: with the services, or with None where it failed.
    `stopped`: what to do after Ctrl-C. `write`: a database that is not there is made.
    """

    def __init__(
        self,
        run: Callable[[argparse.Namespace, Services], tuple[Told, int]],
        root: Path,
        *,
        stopped: str,
        about: Callable[[argparse.Namespace, Services | None], Told] = lambda args, services: {},
        write: bool = False,
    ) -> None:
        self._run = run
        self._root = root
        self._stopped = stopped
        self._about = about
        self._write = write

    def __call__(self, args: argparse.Namespace) -> int:
        for stream in (sys.stdout, sys.stderr):
            # Windows consoles and pipes take few letters; half a character can be written nowhere.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        # What goes wrong on the way is told once, in the answer.
        logging.getLogger().addHandler(logging.NullHandler())
        try:
            code = self._answered(args)
            sys.stdout.flush()
        except BrokenPipeError:
            # Who was reading has gone; Python would complain once more when it flushes at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        return code

    def _answered(self, args: argparse.Namespace) -> int:
        from lib.errors import GreenroomError

        try:
            with services(self._root, write=self._write) as made:
                told, code = self._run(args, made)
                told = {**self._about(args, made), **told}
        except GreenroomError as error:
            told = {"error": error.message, "hint": error.hint, "code": error.code, **self._about(args, None)}
            code = 1
        except KeyboardInterrupt:
            told, code = {"error": "Stopped.", "hint": self._stopped}, 1
        if args.json:
            print(json.dumps({**told, "exit": code}, indent=2))
        elif "error" in told:
            print(f"{told['error']}\n{told['hint']}".strip(), file=sys.stderr)
        return code


@contextmanager
def services(root: Path, *, write: bool) -> Iterator[Services]:
    """Built from the settings of the project at `root`, and closed again; nothing runs in the background.

    A database that is not there is only made by what writes. Raises SettingsWrong.
    """
    from lib import wiring
    from lib.errors import SettingsWrong
    from lib.models import is_loopback
    from lib.settings import TAVUS_URL, Loaded, load

    loaded = load(root)
    settings = loaded.settings
    for problem in loaded.problems:
        if problem.name in ("TAVUS_API_KEY", "TAVUS_BASE_URL", "DATABASE_URL"):
            raise SettingsWrong(problem.message, hint=problem.hint)
    if settings.sandbox:
        from urllib.parse import urlsplit

        if settings.tavus_base_url == TAVUS_URL or not is_loopback(urlsplit(settings.tavus_base_url).hostname):
            raise SettingsWrong(NO_KEY, hint=NO_KEY_HINT)
        settings = settings.model_copy(update={"tavus_api_key": wiring.SANDBOX_KEY})
    made = wiring.build(root, Loaded(settings, loaded.problems, loaded.notes, loaded.sources))
    try:
        if write or made.store.exists():
            made.store.open()
        yield made
    finally:
        made.close()
