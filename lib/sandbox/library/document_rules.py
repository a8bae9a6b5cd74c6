"""What may be asked of a document (https://docs.tavus.io/api-reference/documents/create-document)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lib.sandbox.state import Row
from lib.sandbox.wire import fields
from lib.sandbox.wire.addresses import parts_of, suffix_of, unreachable
from lib.sandbox.wire.responses import Refusal

MAX_DEPTH, MAX_PAGES = 10, 100
FILES = (
    ".pdf", ".txt", ".docx", ".doc", ".png", ".jpg", ".jpeg", ".pptx", ".csv", ".xlsx", ".md", ".json",
)  # fmt: skip
NO_DOCUMENTS = (".mp3", ".wav", ".mp4", ".mov", ".webm", ".zip", ".gz", ".exe", ".svg", ".gif")
"""Of all that is no document, what a test would try."""


def check_new(body: Row) -> None:
    with _invalid():
        fields.needed(body, "document_url")
        fields.texts(body, ("document_name", "callback_url"))
        fields.text_list(body, "tags")
        fields.text_list(body, "participant_tags")
        _check_crawl(body.get("crawl"))


def check_changes(body: Row) -> None:
    with _invalid():
        fields.texts(body, ("document_name",))
        fields.text_list(body, "tags")


def check_recrawl(body: Row) -> None:
    with _invalid():
        _check_crawl(body.get("crawl"))


def check_page(asked: Any) -> None:
    """Only this list refuses a page that can't be (`Invalid request: limit must be a positive integer`)."""
    with _invalid():
        for name, least, what in (("limit", 1, "a positive integer"), ("page", 0, "an integer from 0")):
            given = asked.get(name)
            if given is not None and not (given.isascii() and given.isdigit() and int(given[:9]) >= least):
                raise Refusal(f"{name} must be {what}")


def failure(url: str) -> str | None:
    """The documented code of why a document at `url` can't be had; None if it can."""
    if parts_of(url) is None:
        return "invalid_file_url"
    suffix = suffix_of(url)
    if suffix in NO_DOCUMENTS:
        return "file_format_unsupported"
    if unreachable(url):
        return "file_download_failed" if suffix in FILES else "website_processing_failed"
    return None


def _check_crawl(crawl: Any) -> None:
    if crawl is None:
        return
    if not isinstance(crawl, dict):
        raise Refusal("crawl must be an object")
    for name, most in (("depth", MAX_DEPTH), ("max_pages", MAX_PAGES)):
        value = crawl.get(name)
        if value is not None and not (type(value) is int and 1 <= value <= most):
            raise Refusal(f"crawl.{name} must be an integer from 1 to {most}")


@contextmanager
def _invalid() -> Iterator[None]:
    """A refusal of these begins as the documented ones do."""
    try:
        yield
    except Refusal as refusal:
        raise Refusal(f"Invalid request: {refusal.message.rstrip('.')}") from refusal
