"""The agents on Home as one element: face, name, quiet lines, Start.

A page of cards made of Streamlit's own containers and buttons is some fifty elements, which made up two thirds of what
drawing Home costs. So they are one component, whose markup the stylesheet draws like the cards of every other page.
Values reach it as data and are set as text, never as markup.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args

import streamlit as st

from lib.ui.kit import elements, parts

Act = Literal["start", "chat", "mend", "new", "back"]

_HTML = '<div class="gr-cards"></div>'
_JS = (
    elements.JS
    + """

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".gr-cards");
  root.send = setTriggerValue;
  const drawn = JSON.stringify(data);
  if (root.drawn === drawn) return;
  root.drawn = drawn;
  const held = root.contains(document.activeElement) ? document.activeElement.dataset.act : "";

  const button = (kind, sign, text, act, agent, label) => {
    const element = make("button", kind);
    element.type = "button";
    element.dataset.act = `${act} ${agent}`;
    element.append(icon(sign));
    if (text) element.append(make("span", "", text));
    if (label) { element.ariaLabel = label; element.dataset.tip = label; }
    element.onclick = () => root.send("clicked", { act, agent });
    return element;
  };

  const cell = card => {
    const box = make("div", "gr-cell");
    const top = make("div", "gr-card");
    const face = make("div", "gr-face");
    const image = make("img");
    image.alt = card.name;
    image.loading = "lazy";
    image.src = card.face;
    face.append(image);
    const lines = make("div", "gr-lines");
    const name = make("b", "", card.name);
    name.dir = "auto";
    lines.append(name, ...card.lines.map(line => make("span", "", line)));
    if (card.lacks) {
      const lacks = make("span", "gr-warn");
      lacks.append(icon("warning"), " ", card.lacks);
      lines.append(lacks);
    }
    top.append(face, lines);
    const acts = make("div", "gr-acts");
    if (card.back) {
      acts.append(button("gr-button gr-start", "arrow_forward", "Return to room", "back", card.agent));
      const beside = `${card.start}, beside the open call`;
      if (card.start && !card.text_only)
        acts.append(button("gr-button", "play_arrow", "", "start", card.agent, beside));
    } else if (card.start && card.text_only) {
      acts.append(button("gr-button gr-wide", "chat", card.start, "chat", card.agent));
    } else if (card.start) {
      acts.append(button("gr-button gr-start", "play_arrow", card.start, "start", card.agent),
                  button("gr-button", "chat", "", "chat", card.agent, "Rehearse in text, free"));
    } else {
      acts.append(button("gr-button gr-wide", "build", "Mend", "mend", card.agent));
    }
    box.append(top, acts);
    return box;
  };

  root.replaceChildren(...data.cards.map(cell));
  if (data.add) {
    const box = make("div", "gr-cell gr-new");
    box.append(make("span", "gr-quiet", "A persona with a face"), button("gr-button", "add", "New agent", "new", ""));
    root.append(box);
  }
  if (held) root.querySelector(`[data-act="${CSS.escape(held)}"]`)?.focus();
}
"""
)


@dataclass(frozen=True)
class Card:
    """One agent. `start` is the word on its button; "" where a call can't start, and `lacks` says why.

    `back`: it has an open call, so the way back into it comes first. `text_only`: no avatar can start, so `start` is
    the word for a text chat.
    """

    agent: str
    name: str
    face: str
    lines: tuple[str, ...]
    start: str
    lacks: str = ""
    back: bool = False
    text_only: bool = False


def draw_home_cards(cards: list[Card], *, add: bool, key: str) -> tuple[Act, str] | None:
    """Draw the cards, with one for a new agent if `add`. Returns what was clicked and the agent's id."""
    gallery = st.components.v2.component("greenroom_cards", html=_HTML, js=_JS, isolate_styles=False)
    # A tuple: Streamlit imports pandas to see whether a list is a table, half a second of the first page.
    data = {"cards": tuple(asdict(card) for card in cards), "add": add}
    result = gallery(key=key, data=data, on_clicked_change=_noted)
    clicked = result.get("clicked")
    if not isinstance(clicked, dict):
        return None
    act, agent = str(clicked.get("act")), str(clicked.get("agent"))
    known = {card.agent for card in cards if card.start or act in ("mend", "back")} | ({""} if act == "new" else set())
    return (act, agent) if act in get_args(Act) and agent in known else None  # type: ignore[return-value]


def card_face(url: str, name: str) -> str:
    """What the card's picture shows: the replica's, else a quiet figure with the first letter."""
    return parts.face_source(url, name)


def _noted() -> None:
    """A callback is what makes a click a run; the click itself is read from the result."""
