"""The files of lines are right, and one that is not is told with file and line while the stand-in goes on."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.services.chat.scripted.answering import answer
from lib.services.chat.scripted.files import ENDS, QUOTED, SLOT, line
from lib.services.chat.scripted.phrasebook import FOLDER, PLAIN, Phrasebooks, phrasebooks

BOOKS = Phrasebooks()
FILES = {
    code: {"": BOOKS.everyone(code), **BOOKS.roles(code)} for code in ("en", "de", "fr", "es", "pt", "it", "zh", "ja")
}
EVERY = [
    (code, kind, one)
    for code, files in FILES.items()
    for file in files.values()
    for kind, pool in file.get("lines", {}).items()
    for one in pool
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files in a place where they can be broken."""
    return Path(shutil.copytree(FOLDER, tmp_path / "lines"))


def change(path: Path, old: str, new: str) -> int:
    """Put `new` for the first `old`; gives back the line."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def says(books: Phrasebooks, prompt: str, *said: str) -> list[str]:
    turns: list[tuple[str, str]] = []
    for text in said:
        turns.append(("user", text))
        turns.append(("assistant", answer({"system_prompt": prompt}, "", turns, books)))
    return [text for role, text in turns if role == "assistant"]


def test_all_files_that_come_with_greenroom_are_right() -> None:
    assert phrasebooks().check() == []
    assert len(EVERY) > 1000
    assert set(FILES) == {path.name for path in FOLDER.iterdir() if path.is_dir()}
    assert all(phrasebooks().whole(code) for code in FILES)
    assert not any(phrasebooks().whole(code) for code in ("nl", "ru", "ar", "he", "?", "pl"))


def test_every_line_is_one_or_two_sentences_with_one_question_at_most_and_quotes_what_is_not_a_name() -> None:
    for code, kind, one in EVERY:
        assert len(ENDS.findall(one.text)) <= 2, (code, kind, one)
        assert one.text.count("?") + one.text.count("？") <= 1, (code, kind, one)
        for slot in SLOT.finditer(one.text):
            if slot[1] in QUOTED:
                around = one.text[: slot.start()].rstrip()[-1:] + one.text[slot.end() :].lstrip()[:1]
                assert around in ("“”", "„“", "«»", "「」"), (code, kind, one)


def test_what_an_editor_reads_at_the_top_names_every_slot_and_every_part_of_a_file() -> None:
    text = (FOLDER / "en/everyone.yaml").read_text(encoding="utf-8")
    head = text[: text.index("\nheard:")]
    for name in ("{user}", "{name}", *(f"“{{{slot}}}”" for slot in QUOTED), "{count}", "{language}"):
        assert name in head, name
    for part in ("lines", "heard", "topics", "then", "prompt", "unread", "most_words", "unless", "asks"):
        assert re.search(rf"\b{part}\b", head), part
    for path in FOLDER.glob("*/*.yaml"):
        assert path.read_text(encoding="utf-8").startswith("# What the"), path


@pytest.mark.parametrize(
    ("new", "told"),
    [
        ("Hello, {usr}, here.", "{usr} is not known; `user` is."),
        ("My part is {role}.", "{role} needs quotation marks"),
        ("Is it? Or is it not?", "one question"),
        ("One. Two. Three.", "two sentences"),
        ("Hello there", "ends with a full stop"),
        ("Hello {user, there.", "curly bracket"),
        ("Hello again.", "stands here twice"),
        ("12", "A text is wanted here"),
        ("{lin: Hello.}", "`lin` is not known here; `line` is."),
    ],
)
def test_a_wrong_line_is_left_out_and_told_with_file_and_line(
    folder: Path, new: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    number = change(folder / "en/everyone.yaml", "Good to have you here.", new)
    books = Phrasebooks(folder)
    with caplog.at_level(logging.WARNING):
        faults = books.check()
    lines = [fault for fault in faults if told in fault]
    assert lines, faults
    assert f"lines/en/everyone.yaml line {number}" in lines[0] or "twice" in told, faults
    assert told in caplog.text
    hello = [one.text for one in books.everyone("en")["lines"]["hello"]]
    assert "Hello, good to see you." in hello and new not in hello[:-1]
    assert says(books, "You are Bo.", "Hello")[0]


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("en/buyer.yaml", "lines:", "lines", "en/buyer.yaml line"),
        ("en/buyer.yaml", "  hello:", "  helo:", "en/buyer.yaml: nothing under heard, topics or then leads to `helo`"),
        ("en/everyone.yaml", "  - kind: insult\n", "  - kind: insukt\n", "lines/en: `insukt` has no lines."),
        ("en/everyone.yaml", "most_words: 12", "most_words: many", "A whole number above 0 is wanted here."),
        ("en/everyone.yaml", "  hmm: go", "  hmm: gone", "lines/en: `gone` has no lines."),
        ("en/everyone.yaml", "topics:\n", "topic:\n", "`topic` is not known here; `topics` is."),
        ("en/support.yaml", "  [support*,", "  {support*,", "en/support.yaml line"),
        ("de/everyone.yaml", "  secret:\n", "  geheim:\n", "lines/de: `secret` is missing."),
        ("languages.yaml", "  name: German", "  nam: German", "`nam` is not known here; `name` is."),
        ("en/everyone.yaml", "one: 1 document, more:", "one: 1 document, mor:", "`more` is missing here."),
        ("en/coach.yaml", "  answers: 3", "  answers: 0", "A whole number above 0 is wanted here."),
        ("kinds.yaml", "needed:", "neded:", "`neded` is not known here; `needed` is."),
    ],
)  # fmt: skip
def test_a_broken_file_is_told_and_the_stand_in_goes_on(folder: Path, file: str, old: str, new: str, told: str) -> None:
    change(folder / file, old, new)
    books = Phrasebooks(folder)
    assert any(told in fault for fault in books.check()), books.check()
    for prompt in ("You are Bo, a sceptical buyer.", "You are Ann, a sales coach.", "Du bist Klaus, ein Einkäufer."):
        answers = says(
            books, prompt, "Hello", "Guten Tag", "Let's practise", "It costs 900 euros", "Who are you?", "bye"
        )
        assert all(text.strip() for text in answers) and len(set(answers)) == len(answers)


def test_a_language_that_is_not_whole_is_not_answered_in(folder: Path) -> None:
    change(folder / "de/everyone.yaml", "  secret:\n", "  geheim:\n")
    first = says(Phrasebooks(folder), "", "Guten Tag, wie viel kostet das?")[0]
    assert first == "The stand-in has no lines in German, so it goes on in English."


def test_without_any_file_it_says_plain_things(tmp_path: Path) -> None:
    (tmp_path / "lines").mkdir()
    books = Phrasebooks(tmp_path / "lines")
    answers = says(books, "You are Bo, a buyer.", *["Tell me more"] * 30)
    assert len(set(answers)) == 30
    assert any(one.text in answers[0] for one in PLAIN["plain"])


def test_nothing_is_read_before_the_first_answer_and_then_only_the_language_that_is_spoken(folder: Path) -> None:
    books = Phrasebooks(folder)
    assert books._files == {}
    says(books, "You are Bo, a sceptical buyer.", "Hello")
    read = set(books._files)
    assert {"languages", "en/everyone", "en/buyer"} <= read and not [name for name in read if name.startswith("de")]
    (folder / "en/everyone.yaml").write_text("", encoding="utf-8")
    assert "Hello" in says(books, "You are Bo.", "Hello")[0], "what was read is kept"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_anywhere_or_with_odd_text_never_breaks_an_answer(tmp_path: Path, data: st.DataObject) -> None:
    root = tmp_path / "lines"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(FOLDER, root)
    path = root / data.draw(st.sampled_from(["en/everyone.yaml", "en/buyer.yaml", "languages.yaml", "kinds.yaml"]))
    text = path.read_text(encoding="utf-8")
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(len(text), begin + 400)))
    path.write_text(text[:begin] + data.draw(st.text(max_size=6)) + text[end:], encoding="utf-8", errors="replace")
    books = Phrasebooks(root)
    books.check()
    for said in ("Hello", "Who are you?", "Wir sparen zwei Stunden", "It costs 5 euros"):
        assert says(books, "You are Bo, a sceptical buyer.", said)[0].strip()


def test_a_line_is_checked_as_it_stands() -> None:
    assert line("“{said}”, you say.") == "" and line("Bo: „{said}“ ist gut.") == "" and line("「{said}」ですね。") == ""
    assert "quotation marks" in line("You say {said}.") and "quotation marks" in line("“You say {said}”.")
