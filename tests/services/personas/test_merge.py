"""Three-way merge: nobody's change is lost, and only what both changed and not alike is asked about."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given

from lib.models import MergeClash
from lib.services.personas.content import older
from lib.services.personas.fields import READ_ONLY
from lib.services.personas.merge import merge
from lib.services.personas.rows import alike, get
from tests.services.personas.rows import OLDER, PROPERTY, pairs, triples

CANARY = "tvsk_CANARY0123456789"
Row = dict[str, Any]


def writable(row: Any) -> Row:
    return {name: value for name, value in row.items() if name not in READ_ONLY}


@PROPERTY
@given(pairs())
def test_what_one_side_changed_is_taken_and_equal_changes_are_one(rows: tuple[Row, Row]) -> None:
    base, changed = rows
    for mine, theirs in ((changed, base), (base, changed), (changed, changed)):
        merged = merge(base, mine, theirs)
        assert merged.clashes == ()
        assert alike(writable(merged.row), writable(older(changed, base)))


@PROPERTY
@given(triples())
def test_both_sides_are_kept_or_asked_about_and_nothing_given_is_changed(rows: tuple[Row, Row, Row]) -> None:
    base, mine, theirs = rows
    before = deepcopy(rows)
    merged, turned = merge(base, mine, theirs), merge(base, theirs, mine)
    assert rows == before
    assert [clash.path for clash in sorted(merged.clashes, key=lambda c: c.path)] == [
        clash.path for clash in sorted(turned.clashes, key=lambda c: c.path)
    ]
    if not merged.clashes:
        assert alike(writable(merged.row), writable(turned.row))
    every = {clash.key for clash in merged.clashes}
    again = merge(base, mine, merged.with_mine(every))
    assert not {clash.path for clash in again.clashes} & {clash.path for clash in merged.clashes}
    assert alike(merged.with_mine(()), older(merged.row))


@PROPERTY
@given(OLDER)
def test_ids_and_dates_are_theirs(base: Row) -> None:
    theirs = {**base, "updated_at": "later", "persona_id": "p2"}
    merged = merge(base, {**base, "greeting": "Mine", "updated_at": "mine"}, theirs)
    assert (merged.row["updated_at"], merged.row["persona_id"], merged.row["greeting"]) == ("later", "p2", "Mine")


def test_a_clash_shows_three_sides_and_is_settled_by_choice() -> None:
    base = {"persona_name": "A", "greeting": "Hi", "layers": {"tts": {"tts_engine": "cartesia"}}}
    mine = {"persona_name": "B", "greeting": "Hi", "layers": {"tts": {"tts_engine": "azure"}}, "context": "c"}
    theirs = {"persona_name": "C", "greeting": "Hello", "layers": {"tts": {"tts_engine": "elevenlabs"}}}
    merged = merge(base, mine, theirs)
    assert merged.clashes == (
        MergeClash(("persona_name",), "Name", "A", "B", "C"),
        MergeClash(("layers", "tts", "tts_engine"), "Voice, engine", "Cartesia", "Azure", "ElevenLabs"),
    )
    assert merged.row == {**theirs, "context": "c"}
    assert merged.with_mine({"persona_name"}) == {**theirs, "context": "c", "persona_name": "B"}


def test_a_layer_that_one_removed_and_another_changed_is_asked_about_where_it_was_changed() -> None:
    base = {"layers": {"tts": {"tts_engine": "azure", "external_voice_id": "v"}}}
    theirs = {"layers": {"tts": {"tts_engine": "cartesia", "external_voice_id": "v"}}}
    merged = merge(base, {"layers": {}}, theirs)
    assert [clash.key for clash in merged.clashes] == ["layers.tts.tts_engine"]
    assert merged.row == {"layers": {"tts": {"tts_engine": "cartesia"}}}


def test_the_name_counts_under_whichever_spelling_it_was_changed() -> None:
    base = {"persona_name": "A", "pal_name": "A", "greeting": "Hi"}
    merged = merge(base, {**base, "greeting": "Mine"}, {**base, "pal_name": "Theirs"})
    assert (merged.row, merged.clashes) == ({"persona_name": "Theirs", "greeting": "Mine"}, ())


def test_a_clash_of_secrets_tells_only_who_set_one() -> None:
    base = {"layers": {"llm": {"api_key": CANARY}}, "hook": {"headers": {"x": CANARY}}}
    mine = {"layers": {"llm": {"api_key": CANARY + "2"}}, "hook": {"headers": {"x": CANARY + "2"}}}
    theirs = {"layers": {"llm": {}}, "hook": {"headers": {"x": CANARY + "3"}}}
    merged = merge(base, mine, theirs)
    assert [(c.key, c.base, c.mine, c.theirs, c.secret) for c in merged.clashes] == [
        ("layers.llm.api_key", "set", "replaced", "not set", True),
        ("hook.headers", "set", "replaced", "replaced", True),
    ]
    assert CANARY not in repr(merged)
    assert get(merged.with_mine({"layers.llm.api_key"}), ("layers", "llm", "api_key")) == CANARY + "2"
