"""Room for many tabs: each takes four open files, and a tab that is closed keeps three of them for two minutes.

Streamlit gives every session an event loop of its own, and keeps a session for two minutes in case its tab comes back.
macOS lets a process open 256 files unless it asks for more.
"""

from __future__ import annotations

import logging
import sys

WANTED = 8_192

log = logging.getLogger(__name__)


def allow_many() -> None:
    """Raise this process's own limit as far as the system lets it. Windows has none that is reached."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        log.warning("the limit of %d open files could not be raised: %s", soft, error)
