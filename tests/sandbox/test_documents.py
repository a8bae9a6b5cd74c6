from __future__ import annotations

from typing import Any

import pytest

from lib.sandbox import Timing
from tests.sandbox_server import RunningSandbox, eventually, running_sandbox

SITE = "https://docs.example.com/"
CRAWL = {"depth": 2, "max_pages": 3}
HANDBOOK, HELP, PRICES = "d8-3f6a01c9e274", "d8-7be24d90a5c1", "d8-a91c5f3370de"
FIELDS = {
    "document_id", "document_name", "document_url", "status", "progress", "error_message", "created_at", "updated_at",
    "callback_url", "tags", "crawl_config", "crawled_urls", "last_crawled_at", "crawl_count",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _still(box: RunningSandbox) -> None:
    box.freeze()


def made(box: RunningSandbox, **fields: Any) -> str:
    response = box.call("POST", "/documents", {"document_url": SITE, **fields})
    assert response.status_code == 200, response.text
    return str(response.json()["document_id"])


def read(box: RunningSandbox, document_id: str) -> dict[str, Any]:
    response = box.call("GET", f"/documents/{document_id}")
    assert response.status_code == 200, response.text
    row: dict[str, Any] = response.json()
    return row


def ids(box: RunningSandbox, query: str = "") -> list[str]:
    return [row["document_id"] for row in box.call("GET", f"/documents?limit=100&{query}").json()["data"]]


def test_create_answers_the_whole_row(box: RunningSandbox) -> None:
    row = box.call("POST", "/documents/", {"document_url": SITE, "document_name": "Docs", "tags": ["a"]}).json()
    assert set(row) == FIELDS
    assert row["document_id"].startswith("d8-")
    assert (row["document_name"], row["document_url"], row["tags"]) == ("Docs", SITE, ["a"])
    assert (row["status"], row["progress"], row["error_message"], row["callback_url"]) == ("started", None, None, "")
    assert (row["crawl_config"], row["crawled_urls"], row["last_crawled_at"], row["crawl_count"]) == (None,) * 4
    assert read(box, row["document_id"]) == row


def test_fields_that_only_the_command_line_knows_are_kept_and_states_are_not_taken(box: RunningSandbox) -> None:
    row = read(box, made(box, custom_description="A chart.", participant_tags=["vip"], status="ready", crawl_count=9))
    assert (row["custom_description"], row["participant_tags"]) == ("A chart.", ["vip"])
    assert (row["status"], row["crawl_count"]) == ("started", None)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.example/files/Price%20list.xlsx?v=2", "Price list.xlsx"),
        ("https://a.example/", "a.example"),
        ("https://a.example/help/", "help"),
        ("mailto:x", "mailto:x"),
        ("http://[", "http://["),
    ],
)
def test_a_document_without_a_name_is_called_after_its_address(box: RunningSandbox, url: str, name: str) -> None:
    assert read(box, made(box, document_url=url))["document_name"] == name


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"document_url": None}, "document_url is required"),
        ({"document_url": " "}, "document_url is required"),
        ({"document_url": 5}, "document_url must be a string"),
        ({"document_name": 5}, "document_name must be a string"),
        ({"callback_url": []}, "callback_url must be a string"),
        ({"tags": "a"}, "tags must be a list of strings"),
        ({"crawl": []}, "crawl must be an object"),
        ({"crawl": {"depth": 0}}, "crawl.depth must be an integer from 1 to 10"),
        ({"crawl": {"depth": 11}}, "crawl.depth must be an integer from 1 to 10"),
        ({"crawl": {"max_pages": 101}}, "crawl.max_pages must be an integer from 1 to 100"),
        ({"crawl": {"max_pages": True}}, "crawl.max_pages must be an integer from 1 to 100"),
    ],
)
def test_what_cannot_be_a_document_is_refused_and_not_made(box: RunningSandbox, fields: Any, message: str) -> None:
    before = ids(box)
    response = box.call("POST", "/documents", {"document_url": SITE, **fields})
    assert (response.status_code, response.json()) == (400, {"error": f"Invalid request: {message}"})
    assert ids(box) == before


def test_a_document_is_started_then_processing_then_ready(box: RunningSandbox) -> None:
    document_id = made(box)
    seen = []
    for _ in range(4):
        row = read(box, document_id)
        seen.append((row["status"], row["progress"]))
        box.advance(2)
    assert seen == [("started", None), ("processing", 25), ("processing", 50), ("processing", 75)]
    row = read(box, document_id)
    assert (row["status"], row["progress"], row["error_message"]) == ("ready", None, None)
    assert row["updated_at"] > row["created_at"]


def test_a_document_gets_ready_though_nobody_asks() -> None:
    with running_sandbox(timing=Timing(document_s=0.3)) as quick:
        document_id = made(quick)
        eventually(lambda: quick.inside.documents.get(document_id)["status"] == "ready")


def test_a_crawl_finds_pages_below_its_address(box: RunningSandbox) -> None:
    document_id = made(box, crawl=CRAWL)
    row = read(box, document_id)
    assert (row["crawl_config"], row["crawled_urls"], row["crawl_count"]) == (CRAWL, None, 0)
    box.advance(8)
    row = read(box, document_id)
    assert row["crawled_urls"] == [SITE, f"{SITE}getting-started", f"{SITE}guides"]
    assert (row["crawl_count"], row["last_crawled_at"]) == (1, row["updated_at"])


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://files.invalid/prices.pdf", "file_download_failed"),
        ("https://files.invalid/help", "website_processing_failed"),
        ("https://a.example/film.mp4", "file_format_unsupported"),
        ("ftp://a.example/x.pdf", "invalid_file_url"),
        ("no address", "invalid_file_url"),
        ("http://[", "invalid_file_url"),
    ],
)
def test_what_cannot_be_had_ends_in_an_error_with_a_code(box: RunningSandbox, url: str, error: str) -> None:
    document_id = made(box, document_url=url, crawl=CRAWL)
    box.advance(8)
    row = read(box, document_id)
    assert (row["status"], row["progress"], row["error_message"]) == ("error", None, error)
    assert (row["crawled_urls"], row["crawl_count"]) == (None, 0)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/recrawl")])
def test_an_unknown_id_is_404(box: RunningSandbox, method: str, path: str) -> None:
    response = box.call(method, f"/documents/d8-none{path}", {} if method == "PATCH" else None)
    assert (response.status_code, response.json()) == (404, {"message": "Document not found"})


def test_a_change_takes_name_and_tags_and_nothing_else(box: RunningSandbox) -> None:
    before = read(box, HANDBOOK)
    changes = {"document_name": "New", "tags": ["only"], "status": "error", "document_url": "https://b.example/"}
    response = box.call("PATCH", f"/documents/{HANDBOOK}", changes)
    assert response.status_code == 200
    row = read(box, HANDBOOK)
    assert response.json() == row
    assert row == {**before, "document_name": "New", "tags": ["only"], "updated_at": row["updated_at"]}
    assert row["updated_at"] > before["updated_at"]
    assert box.call("PATCH", f"/documents/{HANDBOOK}", {"tags": []}).json()["tags"] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"document_name": 5}, "Invalid request: document_name must be a string"),
        ({"tags": [1]}, "Invalid request: tags must be a list of strings"),
        ([], "The request body must be a JSON object."),
    ],
)
def test_a_change_that_cannot_be_is_refused(box: RunningSandbox, changes: Any, message: str) -> None:
    before = read(box, HANDBOOK)
    response = box.call("PATCH", f"/documents/{HANDBOOK}", changes)
    assert (response.status_code, response.json()) == (400, {"error": message})
    assert read(box, HANDBOOK) == before


def test_a_name_given_while_it_is_processed_stays(box: RunningSandbox) -> None:
    document_id = made(box)
    box.advance(4)
    box.call("PATCH", f"/documents/{document_id}", {"document_name": "Later"})
    box.advance(4)
    row = read(box, document_id)
    assert (row["document_name"], row["status"]) == ("Later", "ready")


def test_delete_is_204_and_personas_go_on_naming_it(box: RunningSandbox) -> None:
    body = {"system_prompt": "A guide.", "document_ids": [HANDBOOK]}
    persona = box.call("POST", "/personas", body).json()["persona_id"]
    response = box.call("DELETE", f"/documents/{HANDBOOK}")
    assert (response.status_code, response.content) == (204, b"")
    assert box.call("DELETE", f"/documents/{HANDBOOK}").status_code == 404
    assert box.call("GET", f"/personas/{persona}").json()["document_ids"] == [HANDBOOK]


def test_recrawl_goes_from_recrawling_to_ready_and_counts(box: RunningSandbox) -> None:
    before = read(box, HELP)
    response = box.call("POST", f"/documents/{HELP}/recrawl/")
    row = response.json()
    assert response.status_code == 202
    assert (row["status"], row["progress"], row["crawl_config"]) == ("recrawling", 0, before["crawl_config"])
    assert (row["crawl_count"], row["last_crawled_at"]) == (1, before["last_crawled_at"])
    assert row["crawled_urls"] == before["crawled_urls"]
    box.advance(4)
    assert (read(box, HELP)["status"], read(box, HELP)["progress"]) == ("recrawling", 50)
    box.advance(4)
    row = read(box, HELP)
    assert (row["status"], row["crawl_count"]) == ("ready", 2)
    assert row["last_crawled_at"] > before["last_crawled_at"]


def test_a_crawl_in_the_body_counts_for_this_time_only(box: RunningSandbox) -> None:
    row = box.call("POST", f"/documents/{HELP}/recrawl", {"crawl": {"depth": 3, "max_pages": 2}}).json()
    assert row["crawl_config"] == {"depth": 3, "max_pages": 2}
    box.advance(8)
    row = read(box, HELP)
    assert (len(row["crawled_urls"]), row["crawl_config"]) == (2, {"depth": 2, "max_pages": 10})


def test_what_was_never_crawled_needs_to_be_told_how(box: RunningSandbox) -> None:
    response = box.call("POST", f"/documents/{HANDBOOK}/recrawl")
    assert (response.status_code, response.json()) == (
        400,
        {"error": "Document was not created with crawl configuration"},
    )
    response = box.call("POST", f"/documents/{HANDBOOK}/recrawl", {"crawl": {"depth": 99}})
    assert response.status_code == 400
    row = box.call("POST", f"/documents/{HANDBOOK}/recrawl", {"crawl": CRAWL}).json()
    assert (row["crawl_config"], row["crawl_count"]) == (CRAWL, 0)


def test_only_what_is_done_can_be_crawled_anew(box: RunningSandbox) -> None:
    document_id = made(box, crawl=CRAWL)
    for status in ("started", "processing"):
        response = box.call("POST", f"/documents/{document_id}/recrawl")
        message = f"Document must be in 'ready' or 'error' state to recrawl, current status: {status}"
        assert (response.status_code, response.json()) == (409, {"error": message})
        box.advance(4)


def test_one_document_is_crawled_anew_once_an_hour(box: RunningSandbox) -> None:
    box.call("POST", f"/documents/{HELP}/recrawl")
    box.advance(900)
    response = box.call("POST", f"/documents/{HELP}/recrawl")
    message = "Recrawl cooldown: please wait 45 minutes before recrawling this document."
    assert (response.status_code, response.json()) == (429, {"error": message})
    assert read(box, HELP)["crawl_count"] == 2
    box.advance(2700)
    assert box.call("POST", f"/documents/{HELP}/recrawl").status_code == 202


def test_what_failed_can_be_crawled_anew_and_fails_again(box: RunningSandbox) -> None:
    row = box.call("POST", f"/documents/{PRICES}/recrawl", {"crawl": CRAWL}).json()
    assert (row["status"], row["error_message"]) == ("recrawling", None)
    box.advance(8)
    assert read(box, PRICES)["error_message"] == "file_download_failed"


def test_five_crawls_run_at_once_and_no_more(box: RunningSandbox) -> None:
    for _ in range(5):
        made(box, crawl=CRAWL)
    for path, body in (("/documents", {"document_url": SITE, "crawl": {}}), (f"/documents/{HELP}/recrawl", None)):
        response = box.call("POST", path, body)
        assert response.status_code == 429
        assert response.json()["error"].startswith("Concurrent crawl limit reached (5).")
    made(box)
    box.advance(8)
    made(box, crawl=CRAWL)


def test_an_account_has_a_hundred_crawled_documents(box: RunningSandbox) -> None:
    for _ in range(99):
        box.inside.documents.create({"document_url": SITE, "crawl": CRAWL})
        box.inside.clock.advance(10)
        box.inside.documents.tick()
    response = box.call("POST", "/documents", {"document_url": SITE, "crawl": CRAWL})
    message = "Crawl document limit reached (100). Contact support@tavus.io to increase your limit."
    assert (response.status_code, response.json()) == (429, {"error": message})
    assert box.call("POST", f"/documents/{HELP}/recrawl").status_code == 202


def test_the_list_counts_pages_from_zero(box: RunningSandbox) -> None:
    pages = [box.call("GET", f"/documents?limit=2&page={number}").json() for number in (0, 1, 2)]
    assert [[row["document_id"] for row in page["data"]] for page in pages] == [[HANDBOOK, HELP], [PRICES], []]
    assert [(page["total_count"], page["page"], page["limit"]) for page in pages] == [(3, 0, 2), (3, 1, 2), (3, 2, 2)]
    assert ids(box) == [HANDBOOK, HELP, PRICES]
    box.control("dialect", {"page_base": 1})
    assert box.call("GET", "/documents?limit=2&page=1").json()["data"] == pages[0]["data"]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=ten", "limit=", "page=-1", "page=one", "limit=٣"])
def test_this_list_refuses_a_page_that_cannot_be(box: RunningSandbox, query: str) -> None:
    response = box.call("GET", f"/documents?{query}")
    assert response.status_code == 400
    assert response.json()["error"].startswith("Invalid request: ")


def test_the_list_can_be_turned_searched_and_had_by_state_and_tags(box: RunningSandbox) -> None:
    mine = made(box, document_name="Mine", tags=["own"], participant_tags=["vip"])
    assert ids(box, "sort=descending") == ids(box, "sort=desc") == [mine, PRICES, HELP, HANDBOOK]
    assert ids(box, "status=error") == [PRICES]
    assert ids(box, "status=started") == [mine]
    assert ids(box, "name_or_uuid=HELP") == [HELP]
    assert ids(box, f"name_or_uuid={mine}") == [mine]
    assert ids(box, "tags=own,product") == [HANDBOOK, HELP, mine]
    assert ids(box, "participant_tags=vip") == [mine]


def test_tags_come_with_the_ids_that_carry_them(box: RunningSandbox) -> None:
    assert box.call("GET", "/documents/tags").json() == {
        "tags": [
            {"tag": "product", "document_ids": [HANDBOOK, HELP]},
            {"tag": "sales", "document_ids": [HANDBOOK, PRICES]},
        ],
        "total_count": 2,
    }


def test_no_chunk_is_told_of_what_nobody_read(box: RunningSandbox) -> None:
    assert box.call("GET", f"/documents/{HANDBOOK}/chunks").json() == {"chunks": [], "next_offset": None}
    assert box.call("GET", "/documents/d8-none/chunks").status_code == 404
