from __future__ import annotations

import base64
import hashlib
import re
import urllib.request
from email.message import Message

import pytest
from playwright.sync_api import sync_playwright

from lib.server import index_page
from lib.server.headers import policy, script_hashes
from tests.browsing import launch
from tests.running import Dashboard


def get(url: str) -> tuple[Message, str]:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.headers, answer.read().decode("utf-8", "replace")


def rules(header: str) -> dict[str, list[str]]:
    return {rule.split()[0]: rule.split()[1:] for rule in header.split(";")}


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/fonts/Manrope.ttf", "/no/such/page"])
def test_every_answer_carries_the_security_headers(scratch: Dashboard, path: str) -> None:
    headers, _ = get(scratch.url + path)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert rules(headers["content-security-policy"])["object-src"] == ["'none'"]


def test_the_script_that_streamlit_serves_is_the_one_whose_hash_is_allowed(scratch: Dashboard) -> None:
    headers, html = get(scratch.url + "/")
    inline = [text for text in re.findall(r"<script>(.*?)</script>", html, re.DOTALL) if text.strip()]
    assert inline
    allowed = rules(headers["content-security-policy"])["script-src"]
    for text in inline:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in allowed
    assert "'unsafe-inline'" not in allowed
    assert "'unsafe-eval'" not in allowed


def test_frames_may_come_from_daily_and_from_both_spellings_of_this_server_only(scratch: Dashboard) -> None:
    headers, _ = get(scratch.url + "/")
    own = {f"http://127.0.0.1:{scratch.port}", f"http://localhost:{scratch.port}"}
    found = rules(headers["content-security-policy"])
    assert set(found["frame-src"]) == {"'self'", "https://*.daily.co"} | own
    assert set(found["frame-ancestors"]) == {"'self'"} | own


def test_pictures_and_films_may_come_from_tavus_and_this_server_only(scratch: Dashboard) -> None:
    headers, _ = get(scratch.url + "/")
    own = {f"http://127.0.0.1:{scratch.port}", f"http://localhost:{scratch.port}"}
    found = rules(headers["content-security-policy"])
    for kind in ("img-src", "media-src"):
        assert set(found[kind]) == {"'self'", "data:", "blob:", "https://*.tavus.io"} | own
    assert found["connect-src"] == ["'self'"]


def test_an_answer_that_brings_its_own_stricter_policy_keeps_it(scratch: Dashboard) -> None:
    headers, _ = get(scratch.url + "/strict")
    assert headers.get_all("content-security-policy") == ["default-src 'none'"]
    assert headers["x-content-type-options"] == "nosniff"


def test_without_a_sandbox_no_loopback_address_is_allowed() -> None:
    assert "127.0.0.1" not in policy(frames=["https://*.daily.co"])
    assert script_hashes()


@pytest.mark.browser
def test_the_dashboard_draws_under_its_policy_in_its_own_typeface_and_asks_nobody_else(scratch: Dashboard) -> None:
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request", lambda r: None if r.url.startswith((scratch.url, "data:", "blob:")) else complaints.append(r.url)
        )
        page.goto(scratch.url)
        page.get_by_text("Hello").wait_for()
        face = page.evaluate(
            "document.fonts.ready.then(() => [...document.fonts].filter(f => f.status == 'loaded').map(f => f.family))"
        )
        style = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stMarkdown] p')).fontFamily")
        browser.close()
    assert complaints == []
    assert "Manrope" in style
    assert any("Manrope" in family for family in face)


def test_the_page_begins_with_the_script_that_hears_early_clicks_also_for_who_holds_streamlits_own() -> None:
    with Dashboard() as console:
        held, _ = get(console.url + "/personas")
        wanted = {"Accept": "text/html,*/*", "If-None-Match": held["etag"], "Accept-Encoding": "gzip"}
        for path in ("/", "/personas?persona=x"):
            with urllib.request.urlopen(
                urllib.request.Request(console.url + path, headers=wanted), timeout=5
            ) as answer:
                html = answer.read().decode()
            assert (answer.status, int(answer.headers["content-length"])) == (200, len(html.encode()))
            script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)[0]
            assert "greenroomMenu" in script and html.index(script) < html.index('<script type="module"')
            assert html.replace(f"<script>{script}</script>", "") == index_page.installed()
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]
        head = urllib.request.Request(console.url + "/", headers=wanted, method="HEAD")
        with urllib.request.urlopen(head, timeout=5) as answer:
            assert answer.read() == b"" and int(answer.headers["content-length"]) == len(index_page.served().encode())
