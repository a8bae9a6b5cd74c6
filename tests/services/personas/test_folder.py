"""A folder of persona files: what is read, what is written, and what is never written over."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from lib.errors import BadInput
from lib.models import Persona
from lib.services.personas import files, folder
from lib.services.personas.base import Base
from lib.services.personas.content import content_of
from lib.services.personas.files import FileRefused, PersonaFile
from lib.services.personas.folder import FileExport, Written


def persona(name: str, persona_id: str = "", **fields: Any) -> Persona:
    persona_id = persona_id or f"p-{name}"
    row = {"persona_id": persona_id, "persona_name": name, "system_prompt": "You are.", "greeting": "Hello", **fields}
    return Persona(persona_id, name, row)


def outcome(exports: list[FileExport]) -> dict[str, Written]:
    return {export.file: export.written for export in exports}


def test_only_persona_files_are_read_by_name_and_a_broken_one_is_said(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("persona_name: B\n", "utf-8")
    (tmp_path / "A.YML").write_text("persona_name: A\n", "utf-8")
    (tmp_path / "c.yaml").write_text("persona_name: [\n", "utf-8")
    for other in (".hidden.yaml", "notes.md", "b.yaml.bak"):
        (tmp_path / other).write_text("x", "utf-8")
    (tmp_path / "inner.yaml").mkdir()
    found = folder.read(tmp_path)
    assert [one.path.name for one in found] == ["A.YML", "b.yaml", "c.yaml"]
    assert [type(one.read) for one in found] == [PersonaFile, PersonaFile, FileRefused]
    assert [one.path.name for one in folder.read(tmp_path / "b.yaml")] == ["b.yaml"]


def test_a_place_without_files_is_no_empty_plan(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        folder.read(tmp_path / "gone")
    with pytest.raises(BadInput, match="holds no persona files"):
        folder.read(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a file that may not be opened")
def test_a_file_that_can_not_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "gone")
    (tmp_path / "b.yaml").write_bytes(b"persona_name: " + b"x" * 2_000_000)
    (found,) = folder.read(tmp_path)
    assert isinstance(found.read, FileRefused)
    assert "more than 1,048,576 bytes" in found.read.message


def test_an_export_twice_writes_once(tmp_path: Path) -> None:
    place = tmp_path / "made" / "here"
    assert outcome(folder.export(place, [persona("Guide"), persona("Coach")])) == {
        "guide.yaml": Written.NEW, "coach.yaml": Written.NEW,
    }  # fmt: skip
    before = {path.name: path.stat().st_mtime_ns for path in place.iterdir()}
    assert set(outcome(folder.export(place, [persona("Guide"), persona("Coach")])).values()) == {Written.SAME}
    assert {path.name: path.stat().st_mtime_ns for path in place.iterdir()} == before


def test_a_file_keeps_its_place_and_its_comments_as_long_as_it_says_the_same(tmp_path: Path) -> None:
    folder.export(tmp_path, [persona("Guide")])
    mine = tmp_path / "our own name.yml"
    (tmp_path / "guide.yaml").rename(mine)
    mine.write_text("# why we do this\n" + mine.read_text("utf-8"), "utf-8")
    assert outcome(folder.export(tmp_path, [persona("Guide")])) == {"our own name.yml": Written.SAME}
    changed = persona("Guide", greeting="Welcome")
    assert outcome(folder.export(tmp_path, [changed])) == {"our own name.yml": Written.CHANGED}
    assert "greeting: Welcome" in mine.read_text("utf-8")
    assert len(list(tmp_path.iterdir())) == 1


def test_changes_that_were_not_applied_are_not_written_over_unless_asked(tmp_path: Path) -> None:
    folder.export(tmp_path, [persona("Guide")])
    path = tmp_path / "guide.yaml"
    path.write_text(path.read_text("utf-8").replace("Hello", "Mine"), "utf-8")
    (one,) = folder.export(tmp_path, [persona("Guide", system_prompt="You are new.")])
    assert (one.written, one.ok) == (Written.KEPT, False)
    assert "not applied" in one.told
    assert "Mine" in path.read_text("utf-8")
    (one,) = folder.export(tmp_path, [persona("Guide")], overwrite=True)
    assert (one.written, one.ok) == (Written.CHANGED, True)
    assert "Hello" in path.read_text("utf-8")


def test_a_broken_file_and_one_of_another_name_stay_and_are_said(tmp_path: Path) -> None:
    (tmp_path / "guide.yaml").write_text("persona_name: Guide\n\tx", "utf-8")
    (tmp_path / "old.yaml").write_text("persona_name: Old\n", "utf-8")
    found = {one.file: one for one in folder.export(tmp_path, [persona("Guide")])}
    assert {file: one.written for file, one in found.items()} == {
        "guide-2.yaml": Written.NEW, "guide.yaml": Written.FAILED, "old.yaml": Written.STRAY,
    }  # fmt: skip
    assert "line 2" in found["guide.yaml"].told
    assert "creates the persona anew" in found["old.yaml"].told
    assert outcome(folder.export(tmp_path, [persona("Other")], whole=False)) == {
        "other.yaml": Written.NEW, "guide.yaml": Written.FAILED,
    }  # fmt: skip


def test_namesakes_get_files_of_their_own_and_keep_them(tmp_path: Path) -> None:
    older, younger = persona("Guide", "p2", created_at="2026-01-01"), persona("Guide", "p1", created_at="2026-02-01")
    folder.export(tmp_path, [younger, older])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["guide-2.yaml", "guide.yaml"]
    changed = persona("Guide", "p2", created_at="2026-01-01", greeting="Older")
    assert outcome(folder.export(tmp_path, [younger, changed])) == {
        "guide.yaml": Written.CHANGED, "guide-2.yaml": Written.SAME,
    }  # fmt: skip


def test_a_persona_without_a_name_is_said_and_the_others_are_written(tmp_path: Path) -> None:
    found = folder.export(tmp_path, [persona(" ", "p9"), persona("Guide")])
    assert [(one.file, one.name, one.written) for one in found] == [
        ("", "p9", Written.FAILED), ("guide.yaml", "Guide", Written.NEW)
    ]  # fmt: skip


def test_a_folder_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(BadInput, match="can't be used as a folder"):
        folder.export(tmp_path / "file", [persona("Guide")])


def test_a_base_is_brought_up_to_date_unless_the_file_was_edited_meanwhile(tmp_path: Path) -> None:
    folder.export(tmp_path, [persona("Guide")])
    (found,) = folder.read(tmp_path)
    base = Base.of(content_of(persona("Guide", greeting="Newer").raw).fields)
    assert folder.rebase(found, base)
    (again,) = folder.read(tmp_path)
    assert isinstance(again.read, PersonaFile)
    assert again.read.base == base
    again.path.write_text(again.path.read_text("utf-8") + "# typed meanwhile\n", "utf-8")
    assert not folder.rebase(again, Base.of({}))
    assert "# typed meanwhile" in again.path.read_text("utf-8")
    bare = tmp_path / "bare.yaml"
    bare.write_text("persona_name: Bare\n", "utf-8")
    assert not folder.rebase(folder.read(bare)[0], base)
    assert bare.read_text("utf-8") == "persona_name: Bare\n"


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX's")
def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    folder.export(tmp_path, [persona("Guide")])
    before = (tmp_path / "guide.yaml").read_bytes()
    blocker = tmp_path / ".guide.yaml.writing"
    blocker.mkdir()
    (one,) = folder.export(tmp_path, [persona("Guide", greeting="New")])
    assert (one.written, one.ok) == (Written.FAILED, False)
    assert "can't be written" in one.told
    assert (tmp_path / "guide.yaml").read_bytes() == before


def test_files_are_utf_8_with_unix_line_ends_on_every_system(tmp_path: Path) -> None:
    folder.export(tmp_path, [persona("Führung 🦊", system_prompt="Zeile\nZwei")])
    raw = (tmp_path / "führung.yaml").read_bytes()
    assert b"\r" not in raw
    assert "Führung 🦊" in raw.decode("utf-8")
    assert raw.startswith(files.HEAD.encode())
