"""A document as a form, and what its states and errors mean.

https://docs.tavus.io/api-reference/documents/create-document
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from urllib.parse import urlsplit, urlunsplit

from lib.errors import GreenroomError
from lib.models import Document, JsonObject, texts
from lib.services.library.forms import LibraryField, Values, address_problem, tag_problem

NAME_LIMIT = 200
DEPTH, PAGES = (1, 10), (1, 100)
COOLDOWN = timedelta(hours=1)
READS = ("pdf", "txt", "docx", "doc", "png", "jpg", "pptx", "csv", "xlsx")
OTHER_FILES = frozenset(
    ("mp4", "mov", "mp3", "wav", "zip", "gz", "rar", "7z", "exe", "dmg", "svg", "gif", "webp", "epub",
     "key", "pages", "numbers", "odt", "ods", "rtf", "xls", "ppt")
)  # fmt: skip

DOC = "https://docs.tavus.io/api-reference/documents/create-document"
URL = LibraryField(
    "document_url", "Address", "A file or web page that opens without a login; it can't be changed later.", doc=DOC
)
NAME = LibraryField("document_name", "Name", "What the document is called here.", "", "Tavus makes one up", DOC)
TAGS = LibraryField(
    "tags", "Tags", "Words to find documents by; a persona can take every document with a tag.", (), "none", DOC
)
CRAWL = LibraryField(
    "crawl", "Follow its links", "Reads the pages that it links to as well, as one document.", False, "off", DOC
)
DEPTH_FIELD = LibraryField("depth", "Levels deep", "1 reads only the pages that the first one links to.", 2, doc=DOC)
PAGES_FIELD = LibraryField("max_pages", "Pages at most", "Reading stops at this many pages.", 20, doc=DOC)
CALLBACK = LibraryField(
    "callback_url", "Callback", "An address of yours that is told about each state.", "", "nobody is told", DOC
)
NEW_FIELDS = (URL, NAME, TAGS, CRAWL, DEPTH_FIELD, PAGES_FIELD, CALLBACK)
FIELDS = (NAME, TAGS)
"""What can be changed once it is there."""

_ERRORS = {
    "file_download_failed": "Tavus could not download it. The address must open without a login and give the file.",
    "file_format_unsupported": "Tavus can't read this kind of file. It reads " + ", ".join(READS) + " and web pages.",
    "file_size_too_large": "It is larger than 50 MB, the most that Tavus reads. Split it into parts.",
    "file_empty": "There is nothing in the file.",
    "invalid_file_url": "The address does not lead to a file or page that Tavus can open.",
    "document_processing_failed": "Tavus could not make sense of the file. PDFs with real text work better than scans.",
    "website_processing_failed": "Tavus could not read the site. It may refuse robots, ask for a login, or be drawn by "
    "scripts only.",
    "chunking_failed": "Tavus read it and failed to store it. That is on its side: try again.",
    "embedding_failed": "Tavus read it and failed to store it. That is on its side: try again.",
    "vector_store_failed": "Tavus read it and failed to store it. That is on its side: try again.",
    "contact_support": "Tavus asks to write to its support, with the document's id.",
}


def problems(values: Values, base: Values | None = None) -> dict[str, str]:
    """What keeps a form from being sent, by field. Only the fields that `values` has are looked at.

    What stands as in `base`, as it was read, Tavus has taken already.
    """
    found: dict[str, str] = {}
    if URL.key in values:
        url = str(values[URL.key]).strip()
        missing = "" if url else "Paste the address of a file or web page."
        found[URL.key] = missing or address_problem(url) or _file_problem(url)
    name = str(values[NAME.key]).strip()
    if not name and URL.key not in values:
        found[NAME.key] = "Give the document a name."
    if len(name) > NAME_LIMIT:
        found[NAME.key] = f"{len(name)} characters; {NAME_LIMIT} is the most."
    found[TAGS.key] = tag_problem(texts(values[TAGS.key]))
    if values.get(CRAWL.key):
        found |= limits_problems(values)
    found[CALLBACK.key] = address_problem(str(values.get(CALLBACK.key, "")))
    return {key: wrong for key, wrong in found.items() if wrong and (base is None or values[key] != base[key])}


def limits_problems(values: Values) -> dict[str, str]:
    """What is wrong with `depth` and `max_pages`."""
    found = {}
    for key, (low, high) in ((DEPTH_FIELD.key, DEPTH), (PAGES_FIELD.key, PAGES)):
        value = values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            found[key] = f"Choose a whole number from {low} to {high}."
    return found


def fields_of(values: Values) -> dict[str, object]:
    """The body that adds it."""
    body: dict[str, object] = {
        key: str(values[key]).strip() for key in (URL.key, NAME.key, CALLBACK.key) if values[key]
    }
    if values[TAGS.key]:
        body[TAGS.key] = list(texts(values[TAGS.key]))
    if values[CRAWL.key]:
        body["crawl"] = {"depth": values[DEPTH_FIELD.key], "max_pages": values[PAGES_FIELD.key]}
    return {key: value for key, value in body.items() if value}


def fields_to_send(before: JsonObject, after: JsonObject) -> dict[str, object]:
    """The smallest merge that makes `before` into `after`: name, tags or both. Tags are sent whole."""
    return {field.key: after[field.key] for field in FIELDS if after.get(field.key) != before.get(field.key)}


def why(document: Document) -> str:
    """Why it failed, in plain words; "" unless it did."""
    if document.status != "error":
        return ""
    code = document.error_message.strip()
    return _ERRORS.get(code) or (f"Tavus says: {code}" if code else "Tavus does not say why.")


def shown_url(url: str) -> str:
    """The address without what may be secret in it: a password, or the key of a signed link behind the `?`."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    bare = urlunsplit((parts.scheme, f"[{host}]{port}" if ":" in host else host + port, parts.path, "", ""))
    return bare + ("?…" if parts.query else "")


def title(document: Document) -> str:
    """Its name, or its address where it has none."""
    return document.name or shown_url(document.url) or document.id


def can_crawl_at(document: Document, error: GreenroomError | None, now: datetime) -> datetime | None:
    """When Tavus takes the next crawl of this document; None where that is now, or not known.

    A refusal that names the time counts more than the last crawl that we know of; one for another limit says nothing
    of the time. The pause is one between crawls that
    were asked for, so the first reading does not count.
    """
    if error is not None:
        if error.retry_after_s:
            return now + timedelta(seconds=error.retry_after_s)
        wait = re.search(r"(\d+) (second|minute|hour)", error.said)
        if wait:
            return now + timedelta(**{f"{wait[2]}s": int(wait[1])})
        if "limit" in error.said.casefold():
            return None
    count = document.raw.get("crawl_count")
    if document.last_crawled_at is None or not isinstance(count, int) or count < 2:
        return None
    free_at = document.last_crawled_at + COOLDOWN
    return free_at if free_at > now else None


def _file_problem(url: str) -> str:
    ending = PurePosixPath(urlsplit(url).path).suffix.lower().removeprefix(".")
    if ending in OTHER_FILES:
        return f"Tavus does not read .{ending} files. It reads {', '.join(READS)} and web pages."
    return ""
