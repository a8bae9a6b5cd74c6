"""The services without a server, for commands that work while the dashboard is down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lib.wiring import Services

NO_KEY = "TAVUS_API_KEY is not set, so there is no account to speak to."
NO_KEY_HINT = (
    "Set it in the environment or in .env. To speak to the sandbox of a dashboard that runs, set TAVUS_BASE_URL to its "
    "address with /sandbox/v2 behind it, such as http://127.0.0.1:8501/sandbox/v2. To try it without one, start "
    "`python -m lib sandbox --port 8790` and set TAVUS_BASE_URL=http://127.0.0.1:8790/v2."
)


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
