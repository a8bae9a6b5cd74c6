"""Posts callbacks, from a thread of its own: the receiver may well be the process that the sandbox runs in.

Signatures, retries and ordering of Tavus's callbacks are not documented
(https://docs.tavus.io/sections/webhooks-and-callbacks): each is posted once, in order, and a failure is only logged.
"""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
import urllib.error
import urllib.request
from typing import Any

from lib.sandbox.wire.log import Log
from lib.sandbox.wire.responses import iso

MAX_WAITING = 1000


class Callbacks:
    """The queue and its thread, which starts with the first callback. `timeout_s` for each post."""

    def __init__(self, log: Log, *, timeout_s: float) -> None:
        self._log = log
        self._timeout_s = timeout_s
        self._queue: queue.Queue[tuple[str, dict[str, Any]] | None] = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._opener = urllib.request.OpenerDirector()  # http and https only: no files, no proxies, no redirects
        for handler in (
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPErrorProcessor(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.UnknownHandler(),
        ):
            self._opener.add_handler(handler)

    def post(self, url: str, payload: dict[str, Any]) -> None:
        """Have `payload` posted to `url` soon; an empty `url` means nobody asked. Never blocks."""
        if not url:
            return
        try:
            self._queue.put_nowait((url, payload))
        except queue.Full:
            self._record(payload, status=None, error="dropped: too many callbacks are waiting", ms=0.0)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="sandbox-callbacks", daemon=True)
                self._thread.start()

    def clear(self) -> None:
        """Forget what is waiting to be posted."""
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                return

    def close(self) -> None:
        """Stop after the post that is on its way, without waiting for more than a second."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        self.clear()
        self._queue.put(None)
        thread.join(1.0)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            url, payload = item
            begun = time.perf_counter()
            status, error = self._sent(url, payload)
            self._record(payload, status=status, error=error, ms=round((time.perf_counter() - begun) * 1000, 2))

    def _sent(self, url: str, payload: dict[str, Any]) -> tuple[int | None, str]:
        """Status and what went wrong ("" if nothing)."""
        try:
            request = urllib.request.Request(  # noqa: S310 - the opener knows only http and https
                url,
                json.dumps(payload).encode(),
                {"Content-Type": "application/json", "User-Agent": "sandbox-callback"},
            )
            with self._opener.open(request, timeout=self._timeout_s) as response:
                return response.status, ""
        except urllib.error.HTTPError as error:
            with error:
                return error.code, f"answered {error.code}"
        except urllib.error.URLError as error:
            return None, str(error.reason)
        except (OSError, ValueError, http.client.HTTPException) as error:  # their text may quote the URL and its secret
            return None, type(error).__name__

    def _record(self, payload: dict[str, Any], *, status: int | None, error: str, ms: float) -> None:
        self._log.callback(
            at=iso(time.time()),
            event_type=payload.get("event_type") or ("document" if "document_id" in payload else "replica"),
            conversation_id=payload.get("conversation_id", ""),
            status=status,
            error=error,
            ms=ms,
        )
