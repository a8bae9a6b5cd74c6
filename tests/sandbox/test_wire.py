from __future__ import annotations

import concurrent.futures
import http.client
import socket

import pytest
import requests

from tests.sandbox_server import RunningSandbox

PATHS = ["/v2/personas", "/v2/pals/p1af207b8189", "/v2/replicas/", "/v2/faces/r90bbd427f71", "/v2/conversations"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", [None, ""])
def test_no_key_is_401_whatever_is_asked(box: RunningSandbox, path: str, key: str | None) -> None:
    headers = {} if key is None else {"x-api-key": key}
    for method in ("GET", "POST"):
        response = requests.request(method, box.url + path, headers=headers, data="{", timeout=5)
        assert (response.status_code, response.json()) == (401, {"message": "Invalid access token"})


def test_any_other_key_is_good(box: RunningSandbox) -> None:
    for key in ("x", "tvsk_0123456789"):
        response = requests.get(f"{box.v2}/personas", headers={"x-api-key": key}, timeout=5)
        assert response.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nothing",
        b"\xff\xfe",
        b'{"persona_name": NaN}',
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 70 + b"1" + b"}" * 70,
        b'{"a": 1e400}',
    ],
)
@pytest.mark.parametrize("path", ["/personas", "/conversations", "/replicas"])
def test_a_body_that_is_no_json_is_400(box: RunningSandbox, path: str, body: bytes) -> None:
    response = box.http.post(box.v2 + path, data=body, timeout=5)
    assert response.status_code == 400
    assert set(response.json()) == {"error"}


@pytest.mark.parametrize("body", [[], "text", 5, None, True])
@pytest.mark.parametrize("path", ["/personas", "/conversations", "/replicas"])
def test_a_body_that_is_no_object_is_400(box: RunningSandbox, path: str, body: object) -> None:
    response = box.http.post(box.v2 + path, json=body, timeout=5)
    assert response.status_code == 400
    assert set(response.json()) == {"error"}


def test_a_body_of_more_than_a_megabyte_is_413(box: RunningSandbox) -> None:
    response = box.call("POST", "/personas", {"system_prompt": "x" * 1_000_001})
    assert response.status_code == 413
    assert set(response.json()) == {"error"}
    assert box.call("POST", "/personas", {"system_prompt": "x" * 900_000}).status_code == 200


@pytest.mark.parametrize("path", ["/phoenix", "/personas/p1/deeper", "", "/"])
def test_an_endpoint_that_does_not_exist_is_a_page_of_html(box: RunningSandbox, path: str) -> None:
    response = box.call("GET", path)
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")
    assert "<html" in response.text


def test_a_method_that_does_not_exist_is_405(box: RunningSandbox) -> None:
    assert box.call("PUT", "/personas").status_code == 405


def test_half_a_request_harms_nobody(box: RunningSandbox) -> None:
    host, port = box.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"POST /v2/personas HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nContent-Length: 900\r\n\r\n{")
    assert box.call("GET", "/personas").status_code == 200


def test_sixty_calls_at_once_are_all_answered(box: RunningSandbox) -> None:
    def one(number: int) -> int:
        connection = http.client.HTTPConnection(box.url.removeprefix("http://"), timeout=5)
        method, path = ("POST", "/v2/conversations") if number % 3 == 0 else ("GET", "/v2/personas?limit=100")
        connection.request(method, path, b'{"test_mode": true}', {"x-api-key": "k"})
        status = connection.getresponse().status
        connection.close()
        return status

    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        assert list(pool.map(one, range(60))) == [200] * 60
