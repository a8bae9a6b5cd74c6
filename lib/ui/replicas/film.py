"""Replicas as one element: a picture that moves while it is pointed at, what is said of it, its buttons.

A film is fetched when its picture is hovered, focused or tapped, and let go of when that ends, so that a page of 24
replicas fetches one. Where a person asks for less motion, only a tap plays it. Values are set as text, never as markup.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import streamlit as st

from lib.services.catalogue.replicas import Condition
from lib.ui.kit import elements
from lib.ui.kit.parts import STATES

Act = Literal["open", "wear"]
CHIPS = {"ready": "ready", "training": "training", "error": "failed", "unknown": "look"}
"""Where a replica stands -> the key of its chip in `parts.STATES`."""

_HTML = '<div class="gr-cards"></div>'
_JS = (
    elements.JS
    + """

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const film = card => {
  const box = make(card.film ? "button" : "div", "gr-face gr-film");
  const image = make("img");
  image.alt = card.name;
  image.loading = "lazy";
  image.src = card.face;
  box.append(image);
  if (!card.film) return box;
  box.type = "button";
  box.ariaLabel = `Preview of ${card.name}`;
  box.ariaPressed = "false";
  box.append(icon("play_arrow"));
  let moving = null;
  const stop = () => {
    if (!moving) return;
    const video = moving;
    moving = null;
    video.onerror = null;
    video.removeAttribute("src");
    video.load();
    video.remove();
    box.ariaPressed = "false";
  };
  const play = () => {
    if (moving) return;
    const video = moving = make("video");
    Object.assign(video, { muted: true, loop: true, playsInline: true, disablePictureInPicture: true });
    video.onplaying = () => video.classList.add("on");
    video.onerror = () => {
      stop();
      box.dataset.failed = "true";
      box.title = "The preview can’t be played.";
    };
    video.src = card.film;
    box.append(video);
    box.ariaPressed = "true";
    video.play().catch(() => {});
  };
  box.onpointerenter = event => { if (event.pointerType === "mouse" && !calm()) play(); };
  box.onpointerleave = event => { if (event.pointerType === "mouse") stop(); };
  box.onfocus = () => { if (box.matches(":focus-visible") && !calm()) play(); };
  box.onblur = stop;
  // The mouse plays by hovering, so a click of it would only stop: it counts where hovering does nothing.
  let pointer = "";
  box.onpointerdown = event => { pointer = event.pointerType; };
  box.onclick = () => {
    if (pointer === "mouse" && !calm()) return;
    pointer = "";
    if (moving) stop(); else play();
  };
  return box;
};

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".gr-cards");
  root.send = setTriggerValue;
  const drawn = JSON.stringify(data);
  if (root.drawn === drawn) return;
  root.drawn = drawn;
  root.classList.toggle("gr-single", data.single);

  const button = (kind, text, act, replica) => {
    const element = make("button", kind, text);
    element.type = "button";
    element.onclick = () => root.send("clicked", { act, replica });
    return element;
  };

  const cell = card => {
    if (data.single) return film(card);
    const box = make("div", "gr-cell");
    box.dataset.replica = card.replica;
    const top = make("div", "gr-card");
    const lines = make("div", "gr-lines");
    const name = make("b", "", card.name);
    name.dir = "auto";
    lines.append(name, ...card.lines.map(line => make("span", "", line)));
    if (card.chip) {
      const [word, colour, sign] = card.chip;
      const chip = make("p", `gr-chip gr-${colour}`);
      chip.append(icon(sign), word);
      lines.append(chip);
    }
    if (card.lacks) lines.append(make("span", "gr-warn", card.lacks));
    top.append(film(card), lines);
    const acts = make("div", "gr-acts");
    acts.append(button(card.wearable ? "gr-button" : "gr-button gr-wide", "Details", "open", card.replica));
    if (card.wearable) acts.append(button("gr-button gr-wide", "Put on an agent", "wear", card.replica));
    box.append(top, acts);
    return box;
  };

  root.replaceChildren(...data.cards.map(cell));
}
"""
)


@dataclass(frozen=True)
class Film:
    """One replica. `film` is the address of its preview, "" where it has none; `lacks` says why it can't be worn."""

    replica: str
    name: str
    face: str
    film: str
    lines: tuple[str, ...] = ()
    chip: tuple[str, str, str] | None = None
    lacks: str = ""
    wearable: bool = False


def replica_chip(stands: Condition) -> tuple[str, str, str]:
    """Word, colour and icon of where a replica stands; in training, how far it is."""
    word, colour, icon = STATES[CHIPS[stands.state]]
    return (word if stands.progress is None else f"{word}, {stands.progress} %"), colour, icon


def draw_films(films: list[Film], *, key: str) -> tuple[Act, str] | None:
    """Draw the replicas; returns what was clicked (`open` its details, `wear` it) and its id."""
    clicked = _draw(films, key, single=False).get("clicked")
    if not isinstance(clicked, dict):
        return None
    act, replica = str(clicked.get("act")), str(clicked.get("replica"))
    known = {film.replica for film in films if film.wearable or act == "open"}
    return (act, replica) if act in get_args(Act) and replica in known else None  # type: ignore[return-value]


def one(film: Film, *, key: str) -> None:
    """The picture of one replica alone, as wide as its place."""
    _draw([film], key, single=True)


def _draw(films: list[Film], key: str, *, single: bool) -> Any:
    gallery = st.components.v2.component("greenroom_films", html=_HTML, js=_JS, isolate_styles=False)
    # A tuple: Streamlit imports pandas to see whether a list is a table, half a second of the first page.
    data = {"cards": tuple(asdict(film) for film in films), "single": single}
    return gallery(key=key, data=data, on_clicked_change=_noted)


def _noted() -> None:
    """A callback is what makes a click a run; the click itself is read from the result."""
