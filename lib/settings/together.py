"""What only two settings together can tell."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from lib.models import Mode, is_loopback
from lib.settings.problems import Note
from lib.settings.table import TAVUS_URL, Settings

SHORT_HORIZON_S = 60


def notes(settings: Settings) -> Iterator[Note]:
    """Each pair that a person should know something about."""
    host = urlsplit(settings.tavus_base_url).hostname
    if settings.sandbox and settings.tavus_base_url != TAVUS_URL:
        yield Note("TAVUS_BASE_URL", "TAVUS_BASE_URL is not used: without TAVUS_API_KEY the sandbox is.")
    elif not settings.sandbox and host != urlsplit(TAVUS_URL).hostname:
        yield Note("TAVUS_BASE_URL", f"TAVUS_BASE_URL is set: the Tavus key is sent to {host}.")
    yield from _of_workers(settings)
    if settings.reconcile_horizon_s < SHORT_HORIZON_S and not settings.sandbox:
        within = f"{settings.reconcile_horizon_s:g} s"
        yield Note("RECONCILE_HORIZON_S", f"A call that Tavus makes later than {within} after its start is ended.")
    chat = urlsplit(settings.chat_base_url)
    if settings.chat_api_key and chat.scheme == "http" and not is_loopback(chat.hostname):
        yield Note("CHAT_BASE_URL", "CHAT_API_KEY travels unprotected, because CHAT_BASE_URL begins with http://.")


def _of_workers(settings: Settings) -> Iterator[Note]:
    if settings.tavus_avatar_mode is Mode.PIPECAT_DAILY and settings.daily_api_key is None:
        told = "pipecat_daily needs DAILY_API_KEY too. Until it is set, sessions in this mode go on as text chat."
        yield Note("DAILY_API_KEY", told)
    if settings.worker_launcher == "kubernetes" and settings.sandbox:
        told = "WORKER_LAUNCHER is not used: without TAVUS_API_KEY workers run on this machine, as the sandbox does."
        yield Note("WORKER_LAUNCHER", told)
    elif settings.in_cluster and not settings.worker_image:
        told = "Workers in the cluster need WORKER_IMAGE too. Until it is set, sessions go on as text chat."
        yield Note("WORKER_IMAGE", told)
