"""Which personas are exported, and archives of them: what comes out goes in again, and no archive does harm."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from lib.errors import Ambiguous, BadInput
from lib.models import Persona
from lib.services.catalogue.catalogue import Listing
from lib.services.personas import exporting, files
from lib.wiring import Services
from tests.house import ANNA, house, log
from tests.sandbox_server import running_sandbox
from tests.services.personas.test_folder import persona


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with running_sandbox() as sandbox, house(sandbox.url, tmp_path) as built:
        yield built


def listing(*personas: Persona, **how: Any) -> Listing[Persona]:
    return Listing(personas, datetime.now(UTC), **how)


def packed(*entries: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in entries:
            archive.writestr(name, raw)
    return out.getvalue()


def test_only_the_accounts_own_personas_are_exported_or_those_that_are_named() -> None:
    found = listing(persona("A"), persona("B"), persona("Stock", persona_type="system"))
    assert [one.name for one in exporting.own(found)] == ["A", "B"]
    assert [one.name for one in exporting.own(found, ["B"])] == ["B"]
    with pytest.raises(BadInput, match="called “Stock”"):
        exporting.own(found, ["B", "Stock"])


def test_a_list_that_is_incomplete_or_could_not_be_read_is_not_taken_for_all() -> None:
    with pytest.raises(Ambiguous, match="incomplete"):
        exporting.own(listing(persona("A"), complete=False))
    with pytest.raises(Ambiguous, match="failed"):
        exporting.own(listing(persona("A"), error=Ambiguous("Tavus failed.")))


def test_stock_replicas_are_asked_for_only_where_a_persona_wears_one(services: Services) -> None:
    base = services.tavus.base_url.removesuffix("/v2")
    assert (
        exporting.stock_replicas(services.catalogue, [persona("A"), persona("B", default_replica_id="")]) == frozenset()
    )
    assert log(base, "GET /v2/replicas") == []
    own = {"replica_name": "Own", "train_video_url": "https://example.com/a.mp4"}
    made = requests.post(f"{base}/v2/replicas", json=own, headers={"x-api-key": "any"}, timeout=5).json()["replica_id"]
    stock = exporting.stock_replicas(services.catalogue, [persona("C", default_face_id=ANNA)])
    assert (ANNA in stock, made in stock) == (True, False)
    assert services.catalogue.replicas().find(made) is not None


def test_an_archive_holds_a_file_for_each_and_is_read_again() -> None:
    raw = exporting.archive([persona("Guide"), persona("guide"), persona("CON")])
    found = dict(exporting.unpacked("all.zip", raw))
    assert list(found) == ["guide.yaml", "guide-2.yaml", "con-persona.yaml"]
    assert [files.read(name, text).name for name, text in found.items()] == ["Guide", "guide", "CON"]


def test_what_is_no_persona_file_in_an_archive_is_passed_over() -> None:
    raw = packed(
        ("a/b/guide.yaml", b"persona_name: A\n"), ("README.md", b"x"), ("__MACOSX/a/._guide.yaml", b"x"),
        ("a/.hidden.yaml", b"x"), ("../../up.YML", b"persona_name: B\n"),
    )  # fmt: skip
    assert [name for name, _ in exporting.unpacked("x.ZIP", raw)] == ["a/b/guide.yaml", "../../up.YML"]
    assert exporting.unpacked("guide.yaml", b"x") == [("guide.yaml", b"x")]


def test_a_file_that_swells_is_cut_and_then_refused_by_name() -> None:
    raw = packed(("bomb.yaml", b"persona_name: A\n#" + b"x" * 20_000_000))
    ((name, text),) = exporting.unpacked("x.zip", raw)
    assert len(text) == files.MOST_BYTES + 1
    with pytest.raises(files.FileRefused, match=r"bomb\.yaml: It has more than"):
        files.read(name, text)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"no archive", "can't be opened as a ZIP archive"),
        (packed(("a.yaml", b"persona_name: A\n"))[:-30], "can't be opened"),
        (bytes(byte ^ (number == 45) for number, byte in enumerate(packed(("a.yaml", b"persona_name: A\n" * 99)))),
         "can't be opened"),
        (packed(("a.txt", b"x")), "holds no persona files"),
        (packed(*((f"{n}.yaml", b"") for n in range(exporting.MOST_FILES + 1))), "1,000 is the most"),
        (packed(*((f"{n}.yaml", b"x" * files.MOST_BYTES) for n in range(65))), "unpacks to more than"),
    ],
    # An archive holds the time at which it was made.
    ids=["none", "cut off", "one byte wrong", "nothing in it", "too many", "too large"],
)  # fmt: skip
def test_an_archive_that_can_not_be_used_is_refused_with_what_to_do(raw: bytes, told: str) -> None:
    with pytest.raises(BadInput, match=told) as refused:
        exporting.unpacked("x.zip", raw)
    assert refused.value.hint


def test_a_locked_archive_is_refused() -> None:
    raw = bytearray(packed(("a.yaml", b"persona_name: A\n")))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        raw[raw.index(mark) + (6 if mark == b"PK\x03\x04" else 8)] |= 1
    with pytest.raises(BadInput, match="can't be opened"):
        exporting.unpacked("x.zip", bytes(raw))
