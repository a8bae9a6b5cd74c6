"""Documents of the pretended account and their processing, which nothing is ever downloaded for.

A document is `started`, then `processing`, then `ready` or `error`; one that is crawled anew is `recrawling` until
then. It follows the sandbox's clock. What was said about it goes to its callback URL, as the row itself: the form
of these callbacks is not documented.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import ceil
from urllib.parse import urljoin

from lib.sandbox.clock.clock import Clock
from lib.sandbox.library import document_rules as rules
from lib.sandbox.state import Row, SandboxState
from lib.sandbox.wire.addresses import name_from
from lib.sandbox.wire.callbacks import Callbacks
from lib.sandbox.wire.responses import Refusal, iso, new_id

KIND = "document"
MAX_CRAWLED, MAX_CRAWLS, COOLDOWN_S = 100, 5, 3600
STARTED_SHARE = 0.25
"""How much of the time nothing is to be seen."""

READ_ONLY = (
    "document_id", "status", "progress", "error_message", "created_at", "updated_at", "crawl_config", "crawled_urls",
    "last_crawled_at", "crawl_count", "crawl",
)  # fmt: skip
SUBPAGES = ("", "getting-started", "guides", "pricing", "faq", "support", "releases", "about")


class DocumentBook:
    """Processing takes `processing_s` seconds of the sandbox's clock. Thread-safe.

    `changed` is called whenever a time to wake up may have come nearer.
    """

    def __init__(
        self,
        state: SandboxState,
        clock: Clock,
        callbacks: Callbacks,
        *,
        processing_s: float,
        changed: Callable[[], None],
    ) -> None:
        self._state = state
        self._clock = clock
        self._callbacks = callbacks
        self._processing_s = processing_s
        self._changed = changed
        self._lock = threading.RLock()

    def get(self, document_id: str) -> Row:
        row = self._state.get(KIND, document_id)
        if row is None:
            raise Refusal("Document not found", status=404, key="message")
        return row

    def all(self) -> list[Row]:
        return self._state.all(KIND)

    def create(self, body: Row) -> Row:
        """Raises `Refusal` (400, 429)."""
        rules.check_new(body)
        crawl = _config(body.get("crawl"))
        with self._lock:
            if crawl is not None:
                self._check_crawls(one_more=True)
            now = self._clock.now()
            row: Row = {
                **{name: value for name, value in body.items() if name not in READ_ONLY and value is not None},
                "document_id": new_id("d8-"),
                "document_name": body.get("document_name") or name_from(body["document_url"]),
                "callback_url": body.get("callback_url") or "",
                "tags": body.get("tags") or [],
                "status": "started",
                "error_message": None,
                "created_at": iso(now),
                "crawl_config": crawl,
                "crawled_urls": None,
                "last_crawled_at": None,
                "crawl_count": None if crawl is None else 0,
                "_job": {"from": now, "crawl": crawl},
            }
            return self._told(row)

    def change(self, document_id: str, body: Row) -> Row:
        """Take a new name, new tags or both."""
        rules.check_changes(body)
        with self._lock:
            row = self.get(document_id)
            given = {name: body[name] for name in ("document_name", "tags") if body.get(name) is not None}
            if given.items() <= row.items():
                return row
            row = {**row, **given, "updated_at": iso(self._clock.now())}
            self._state.put(KIND, document_id, row)
            return row

    def delete(self, document_id: str) -> None:
        """Personas keep naming it: the official command line counts with documents that are not there any more."""
        with self._lock:
            self.get(document_id)
            self._state.delete(KIND, document_id)

    def recrawl(self, document_id: str, body: Row) -> Row:
        """Raises `Refusal` (400, 404, 409, 429). A `crawl` in the body counts for this time only."""
        with self._lock:
            row = self.get(document_id)
            rules.check_recrawl(body)
            crawl = _config(body.get("crawl")) or row["crawl_config"]
            if crawl is None:
                raise Refusal("Document was not created with crawl configuration")
            if row["status"] not in ("ready", "error"):
                raise Refusal(
                    f"Document must be in 'ready' or 'error' state to recrawl, current status: {row['status']}",
                    status=409,
                )
            now = self._clock.now()
            left_s = row.get("_recrawled_at", now - COOLDOWN_S) + COOLDOWN_S - now
            if left_s > 0:
                minutes = ceil(left_s / 60)
                raise Refusal(
                    f"Recrawl cooldown: please wait {minutes} minutes before recrawling this document.", status=429
                )
            self._check_crawls(one_more=row["crawl_config"] is None)
            begun = {"status": "recrawling", "error_message": None, "crawl_count": row["crawl_count"] or 0}
            return self._told({**row, **begun, "_recrawled_at": now, "_job": {"from": now, "crawl": crawl}})

    def shown(self, row: Row) -> Row:
        """A row as the wire gives it, with how far it is."""
        told = {name: value for name, value in row.items() if not name.startswith("_")}
        job = row.get("_job")
        told["progress"] = None
        if job and row["status"] != "started":
            done = (self._clock.now() - job["from"]) / self._processing_s if self._processing_s else 1.0
            told["progress"] = min(max(int(done * 100), 0), 99)
        if job and job["crawl"]:
            told["crawl_config"] = job["crawl"]
        return told

    def tick(self) -> None:
        """Bring on the documents whose time has come."""
        with self._lock:
            now = self._clock.now()
            for row in self._in_work():
                if row["status"] == "started" and now >= self._due(row):
                    row = self._told({**row, "status": "processing"})
                if row["status"] != "started" and now >= self._due(row):
                    self._finish(row)

    def wait_s(self) -> float | None:
        """Seconds until `tick` has something to do, None for never."""
        waits = [self._due(row) - self._clock.now() for row in self._in_work()]
        return None if self._clock.frozen else min(waits, default=None)

    def _in_work(self) -> list[Row]:
        return [row for row in self._state.all(KIND) if "_job" in row]

    def _due(self, row: Row) -> float:
        """When its status changes next."""
        share = STARTED_SHARE if row["status"] == "started" else 1.0
        begun: float = row["_job"]["from"]
        return begun + share * self._processing_s

    def _finish(self, row: Row) -> None:
        crawl = row["_job"]["crawl"]
        error = rules.failure(row["document_url"])
        done = {name: value for name, value in row.items() if name != "_job"}
        done |= {"status": "error" if error else "ready", "error_message": error}
        if crawl and not error:
            done |= {
                "crawled_urls": [urljoin(row["document_url"], page) for page in SUBPAGES][: crawl["max_pages"]],
                "last_crawled_at": iso(self._clock.now()),
                "crawl_count": row["crawl_count"] + 1,
            }
        self._told(done)

    def _told(self, row: Row) -> Row:
        """Keep the row and say so to its callback URL."""
        row = {**row, "updated_at": iso(self._clock.now())}
        self._state.put(KIND, row["document_id"], row)
        self._callbacks.post(row["callback_url"], self.shown(row))
        if "_job" in row:
            self._changed()
        return row

    def _check_crawls(self, *, one_more: bool) -> None:
        rows = self._state.all(KIND)
        if one_more and sum(row["crawl_config"] is not None for row in rows) >= MAX_CRAWLED:
            raise Refusal(
                f"Crawl document limit reached ({MAX_CRAWLED}). Contact support@tavus.io to increase your limit.",
                status=429,
            )
        if sum(bool(row.get("_job") and row["_job"]["crawl"]) for row in rows) >= MAX_CRAWLS:
            raise Refusal(f"Concurrent crawl limit reached ({MAX_CRAWLS}). Wait until a crawl is done.", status=429)


def _config(crawl: Row | None) -> Row | None:
    if crawl is None:
        return None
    return {"depth": crawl.get("depth") or 1, "max_pages": crawl.get("max_pages") or 10}
