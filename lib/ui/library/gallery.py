"""The lists of the library as cards, and what stands there while they are empty.

Draws, and returns what was clicked: edit, attach or delete with an id, new, or example with its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from lib.models import Document, Guardrail, GuardrailSet, ObjectiveSet, Persona
from lib.services.catalogue.catalogue import Listing
from lib.services.library import documents, examples, objectives
from lib.services.library.attaching import Item, tags_of
from lib.services.library.using import LibraryKind, Use, uses
from lib.ui.kit import feedback, lists, parts
from lib.ui.kit.lists import Clicked
from lib.ui.kit.text import ago, html, plain
from lib.ui.library import document_state
from lib.ui.library.kinds import WORDS, item_name, kind_asked
from lib.ui.library.side import changed_at, use_count

CARDS = 12


def kinds() -> LibraryKind:
    """The three kinds as segments, bound to the address."""
    kind = kind_asked()
    st.session_state["library_kind"] = kind.value
    st.segmented_control(
        "Kind",
        [known.value for known in WORDS],
        required=True,
        format_func=lambda name: f":material/{WORDS[LibraryKind(name)].icon}: {WORDS[LibraryKind(name)].many}",
        label_visibility="collapsed",
        key="library_kind",
        on_change=_switched,
    )
    return kind


def _switched() -> None:
    st.query_params["kind"] = st.session_state["library_kind"]
    st.query_params.pop("item", None)


def draw_item_cards(
    kind: LibraryKind, items: Sequence[Item], personas: Listing[Persona] | None, edited: set[str]
) -> Clicked[str] | None:
    """What the search lets through, the newest first, a page at a time. `edited`: ids with edits not saved."""
    query = ""
    if len(items) > 3:
        with st.container(horizontal=True, key="filters-library"):
            query = lists.search("Search by name, text or tag", f"library_search_{kind.value}")
    found = sorted(items, key=lambda item: str(item.raw.get("created_at") or ""), reverse=True)
    shown = [item for item in found if lists.matches(query, *_texts(item))]
    if not shown:
        parts.empty("Nothing found", f"Nothing here has these words: {plain(query, 80)}", key="library-none")
    clicked = None
    page = f"library_page_{kind.value}"
    grid = st.grid("auto", min_column_width=300, gap="small")
    for item in lists.one_page(shown, CARDS, page):
        with parts.tile(grid, f"library-{item.id}"):
            use = uses(personas.items, kind, item.id, tags_of(item)) if personas else None
            clicked = _card(item, use, item.id in edited) or clicked
    lists.pager(len(shown), CARDS, page, WORDS[kind].many.lower())
    return clicked


def draw_empty_kind(kind: LibraryKind) -> Clicked[str] | None:
    """Nothing of this kind yet: what it is for, and examples to begin from."""
    return _EMPTY[kind]()


def example_buttons(kind: LibraryKind) -> Clicked[str] | None:
    """The examples in one line, for the form of a new item."""
    clicked = None
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(":small[:gray[Begin from an example:]]", width="content")
        for name in _EXAMPLES[kind]:
            if st.button(name, key=f"library_example_{name}", type="tertiary"):
                clicked = Clicked("example", name)
    return clicked


def older_sets(listing: Callable[[], Listing[GuardrailSet]], personas: Listing[Persona] | None) -> None:
    """The older sets of guardrails with their rules, in a fold: `listing` is called only while it is open."""
    fold = st.expander("Older guardrail sets", icon=":material/inventory_2:", key="library_sets", on_change="rerun")
    if not fold.open:
        return
    with fold, feedback.section("read the older guardrail sets"):
        found = listing()
        lists.stale(found, "older guardrail sets")
        st.markdown(
            ":small[:gray[From before May 2026: several rules under one id. They still work and are shown to be read. "
            "New rules are made one by one, and each rule of a set is in the list above too.]]"
        )
        if not found.items:
            st.markdown(":gray[There are none.]")
        for item in found.items:
            _set(item, personas)


def _set(item: GuardrailSet, personas: Listing[Persona] | None) -> None:
    use = use_count(uses(personas.items, LibraryKind.SETS, item.id)) if personas else ""
    rows = "".join(
        f"<div role='listitem'><b dir='auto'>{html(plain(rule.get('guardrail_name') or '', 100))}</b>"
        f"<span>{html(plain(rule.get('guardrail_prompt') or '', 1200))}</span></div>"
        for rule in item.rules
    )
    with st.container(border=True, key=f"card-set-{item.id}", gap="small"):
        parts.lines(item_name(item), " · ".join(filter(None, (f"{len(item.rules)} rules", use))))
        st.html(f'<div class="gr-steps" role="list">{rows}</div>')
        st.code(item.id, language=None)


def _card(item: Item, found: Sequence[Use] | None, edited: bool) -> Clicked[str] | None:
    chips, lines = _about(item)
    at = changed_at(item.raw)
    steps = len(item.steps) if isinstance(item, ObjectiveSet) else 0
    size = f"{steps} step{'s' if steps != 1 else ''}" if steps else ""
    use = "" if found is None else use_count(found)
    foot = " · ".join(filter(None, (size, use, f"changed {ago(at)}" if at is not None else "")))
    chips = [*chips, *([parts.chip_html("local")] if edited else [])]
    st.html(
        f'<div class="gr-item">{parts.lines_html(item_name(item), *lines)}'
        f'<div class="gr-foot">{"".join(chips)}<span>{html(foot)}</span></div></div>'
    )
    word = st.menu_button(
        "", ["Delete"], icon=":material/more_horiz:", key=f"menu-library-card-{item.id}", type="tertiary", help="More"
    )
    clicked = Clicked("delete", item.id) if word else None
    if st.button("Open", key=f"library_edit_{item.id}", width="stretch"):
        clicked = Clicked("edit", item.id)
    if st.button("Attach", icon=":material/person_add:", key=f"library_attach_{item.id}", width="stretch"):
        clicked = Clicked("attach", item.id)
    return clicked


def _about(item: Item) -> tuple[list[str], list[str]]:
    """The chips and the quiet lines of a card."""
    if isinstance(item, ObjectiveSet):
        return [], [objectives.path(item)]
    if isinstance(item, Document):
        why = documents.why(item)
        line = why or documents.shown_url(item.url)
        return [document_state.document_chip(item), *_tags(item.tags)], [line]
    assert isinstance(item, Guardrail)
    seen = ['<span class="gr-chip gr-gray"><i aria-hidden="true">visibility</i>Camera</span>']
    return [*(seen if item.raw.get("modality") == "visual" else []), *_tags(item.tags)], [item.prompt]


def _tags(tags: Sequence[str]) -> list[str]:
    shown = [f'<span class="gr-chip gr-gray" dir="auto">{html(plain(tag, 24))}</span>' for tag in tags[:3]]
    return shown + ([f'<span class="gr-chip gr-gray">+{len(tags) - 3}</span>'] if len(tags) > 3 else [])


def _texts(item: Item) -> tuple[str, ...]:
    """What the search looks into."""
    if isinstance(item, ObjectiveSet):
        steps = [str(step.get(key) or "") for step in item.steps for key in ("objective_name", "objective_prompt")]
        return (item.name, item.id, *steps)
    if isinstance(item, Document):
        return (item.name, item.id, documents.shown_url(item.url), item.status, *item.tags)
    assert isinstance(item, Guardrail)
    return (item.name, item.id, item.prompt, *item.tags)


def _no_objectives() -> Clicked[str] | None:
    clicked = None
    text = "They say what a call is for, step by step, and what to note down. Begin from a chain that works."
    with parts.empty("No objectives yet", text, key="library-objectives"):
        if st.button("Write them from nothing", key="library_first"):
            clicked = Clicked("new", "")
    grid = st.grid("auto", min_column_width=300, gap="small")
    for name, chain in examples.CHAINS.items():
        clicked = _example(grid, name, objectives.path(chain), f"{len(chain.steps)} steps") or clicked
    return clicked


def _no_guardrails() -> Clicked[str] | None:
    clicked = None
    text = "They are rules that are checked all through a call, apart from the prompt. Three that most teams need:"
    with parts.empty("No guardrails yet", text, key="library-guardrails"):
        if st.button("Write one from nothing", key="library_first"):
            clicked = Clicked("new", "")
    grid = st.grid("auto", min_column_width=260, gap="small")
    for name, values in examples.GUARDRAILS.items():
        clicked = _example(grid, name, str(values["guardrail_prompt"])) or clicked
    return clicked


def _no_documents() -> Clicked[str] | None:
    clicked = None
    text = "Paste the address of a file or a web page. It is read within minutes; personas that have it answer from it."
    with parts.empty("No documents yet", text, key="library-documents"):
        if st.button("Add a document", icon=":material/add:", key="library_first"):
            clicked = Clicked("new", "")
    how = {
        "Help pages": "A site, with the pages that it links to: two levels deep, twenty pages at most.",
        "One web page": "The page at the address alone, such as a price list.",
        "A file by link": "A PDF, Word, PowerPoint, Excel or text file that opens without a login, up to 50 MB.",
    }
    grid = st.grid("auto", min_column_width=260, gap="small")
    for name in examples.DOCUMENTS:
        clicked = _example(grid, name, how[name]) or clicked
    return clicked


def _example(grid: st.delta_generator.DeltaGenerator, name: str, *lines: str) -> Clicked[str] | None:
    with grid.container(border=True, key=f"card-example-{name}", gap="small", height="stretch"):
        parts.lines(name, *lines)
        if st.button("Begin with this", key=f"library_from_{name}", width="stretch"):
            return Clicked("example", name)
    return None


_EMPTY: dict[LibraryKind, Callable[[], Clicked[str] | None]] = {
    LibraryKind.OBJECTIVES: _no_objectives,
    LibraryKind.GUARDRAILS: _no_guardrails,
    LibraryKind.DOCUMENTS: _no_documents,
}
_EXAMPLES: dict[LibraryKind, tuple[str, ...]] = {
    LibraryKind.OBJECTIVES: tuple(examples.CHAINS),
    LibraryKind.GUARDRAILS: tuple(examples.GUARDRAILS),
    LibraryKind.DOCUMENTS: tuple(examples.DOCUMENTS),
}
