"""A guardrail or a document as widgets. What is typed is kept for the whole visit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from lib.services.library import documents, guardrails
from lib.services.library.forms import LibraryField, read
from lib.ui.kit.editing import Draft
from lib.ui.kit.text import md, plain

_HINTS = {
    guardrails.NAME.key: "For example: no_prices",
    guardrails.PROMPT.key: "For example: Never name a price or a discount. Say that a colleague sends an offer.",
    guardrails.CALLBACK.key: "https://…",
    documents.URL.key: "For example: https://docs.example.com/",
    documents.NAME.key: "For example: Help pages",
}


class LibraryForm:
    """The fields of one row. `wrong` is shown below its fields; `tags` are those that can be chosen without typing."""

    def __init__(self, draft: Draft, fields: Sequence[LibraryField], *, tags: Iterable[str] = ()) -> None:
        self.fields = tuple(fields)
        self.prefix = draft["prefix"]
        self.base = read(draft["raw"], fields)
        start = draft.get("start")
        self.start: Mapping[str, Any] = self.base | (start if isinstance(start, dict) else {})
        self.wrong: Mapping[str, str] = {}
        self._tags = list(tags)

    def key(self, name: str) -> str:
        return self.prefix + name

    def mark(self, wrong: Mapping[str, str]) -> None:
        """Show this below its fields. Call it before they are drawn."""
        self.wrong = wrong

    def values(self) -> dict[str, Any]:
        """What the widgets hold now, or what the form began with where they were not drawn yet."""
        held = {}
        for name, first in self.start.items():
            value = st.session_state.get(self.key(name), first)
            held[name] = tuple(value) if isinstance(first, tuple) else "" if value is None and first == "" else value
        return held

    @property
    def touched(self) -> bool:
        """True once something was typed that it did not begin with."""
        return any(value != self.start[name] for name, value in self.values().items())

    def edits(self) -> list[str]:
        """The names of the fields that hold something else than the row."""
        values = self.values()
        return [field.label for field in self.fields if values[field.key] != self.base[field.key]]

    def line(self, field: LibraryField) -> None:
        st.text_input(field.label, self.start[field.key], placeholder=_HINTS.get(field.key), **self._kept(field))
        self._complaint(field)

    def area(self, field: LibraryField, limit: int, height: int = 150) -> None:
        st.text_area(
            field.label, self.start[field.key], height=height, placeholder=_HINTS.get(field.key), **self._kept(field)
        )
        length = len(str(self.values()[field.key]))
        st.markdown(
            f":small[:{'orange' if length > limit else 'gray'}[{length:,} of {limit:,} characters]]",
            text_alignment="right",
        )
        self._complaint(field)

    def choice(self, field: LibraryField, words: Mapping[str, str]) -> None:
        start = str(self.start[field.key])
        # `audio` can't be chosen, but stays where it is set.
        options = [word for word in words if word != "audio" or start == "audio"]
        options += [start] if start not in options else []
        st.segmented_control(
            field.label,
            options,
            default=start,
            required=True,
            format_func=lambda word: md(words.get(word, word), 40),
            **self._kept(field),
        )
        self._complaint(field)

    def switch(self, field: LibraryField) -> bool:
        return st.toggle(field.label, bool(self.start[field.key]), **self._kept(field))

    def number(self, field: LibraryField, low: int, high: int) -> None:
        st.number_input(field.label, value=int(self.start[field.key]), step=1, **self._kept(field))
        st.markdown(f":small[:gray[{low} to {high}]]")
        self._complaint(field)

    def chips(self, field: LibraryField) -> None:
        """Tags: those in use can be chosen, others typed."""
        start = list(self.start[field.key])
        options = list(dict.fromkeys([*start, *self.values()[field.key], *self._tags]))
        st.multiselect(
            field.label,
            options,
            default=start,
            format_func=lambda tag: plain(tag, 80),
            accept_new_options=True,
            placeholder="Choose, or type a new one",
            **self._kept(field),
        )
        self._complaint(field)

    def _kept(self, field: LibraryField) -> dict[str, Any]:
        return {"key": self.key(field.key), "help": field.help, "persist_state": "session"}

    def _complaint(self, field: LibraryField) -> None:
        if field.key in self.wrong:
            st.markdown(f":small[:red[:material/error: {md(self.wrong[field.key])}]]")


def guardrail(form: LibraryForm) -> None:
    """The fields of a rule."""
    form.line(guardrails.NAME)
    form.area(guardrails.PROMPT, guardrails.PROMPT_LIMIT)
    form.chips(guardrails.TAGS)
    form.choice(guardrails.MODALITY, guardrails.MODALITIES)
    form.switch(guardrails.MESSAGE)
    form.line(guardrails.CALLBACK)


def document(form: LibraryForm) -> None:
    """What can be changed of a document that is there."""
    form.line(documents.NAME)
    form.chips(documents.TAGS)


def new_document(form: LibraryForm) -> None:
    """All that is asked of a document that is to be added."""
    form.line(documents.URL)
    st.markdown(
        ":small[:gray[A file (" + ", ".join(documents.READS) + ", up to 50 MB) or a web page, best in English.]]"
    )
    form.line(documents.NAME)
    form.chips(documents.TAGS)
    if form.switch(documents.CRAWL):
        left, right = st.columns(2)
        with left:
            form.number(documents.DEPTH_FIELD, *documents.DEPTH)
        with right:
            form.number(documents.PAGES_FIELD, *documents.PAGES)
    form.line(documents.CALLBACK)
