"""Drawn faces: the stock replicas' portraits and the figure that the room brings to life.

One description (`Look`) serves both: `face_svg` is the still picture behind `/faces/{replica_id}.svg`, `figure` the
same person without a ground and in parts that the room page moves by their class names (`f-head`, `f-eye`, `f-mouth`
and so on). A replica that has no drawing of its own gets one of the spare ones, by its id, the same each time.
"""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass

from lib.sandbox.replicas.face_parts import BEARDS, EARRINGS, GLASSES, HAIR_BACK, HAIR_FRONT, TOPS

Pair = tuple[str, str]
"""A colour in a light and in a dark theme."""


@dataclass(frozen=True)
class Look:
    """How one person is drawn. `ground` and `halo` are pairs of a light and a dark theme's colour."""

    ground: Pair
    halo: Pair
    skin: str
    hair: str
    top: str
    style: str
    cut: str = "crew"
    beard: str = ""
    glasses: str = ""
    earrings: str = ""
    iris: str = "#3A241B"
    lips: str = "#8A3F35"
    brow: str = ""


GROUNDS: tuple[tuple[Pair, Pair], ...] = (
    (("#DCEBE3", "#1D3128"), ("#C8DFD3", "#264236")),
    (("#E3E8F3", "#1E2638"), ("#D1DAEC", "#2A3550")),
    (("#F3E6DB", "#352619"), ("#EAD5C3", "#473422")),
    (("#EBE6F4", "#282238"), ("#DCD3EC", "#372F4D")),
    (("#E9ECDD", "#2A2E1C"), ("#DADFC6", "#393E27")),
    (("#F5EBD3", "#322A14"), ("#EBDCB4", "#44391C")),
    (("#DDEAEE", "#17292F"), ("#C9DDE3", "#213A42")),
    (("#F5E2E4", "#371F24"), ("#ECCFD3", "#4A2B31")),
)
GREEN, BLUE, CLAY, VIOLET, OLIVE, OCHRE, SLATE, ROSE = GROUNDS

NAMES = {
    "r90bbd427f71": "Anna", "r5dc7c7d0bcb": "Gloria", "r874cc5f8a3b": "Lucas", "r5f0577fc829": "Mira",
    "rc9cff32ceba": "Leo", "r4067604db72": "Ines", "r3a8d1f40c27": "Hugo", "r6be20c9417d": "Sana",
}  # fmt: skip

LOOKS = {
    "r90bbd427f71": Look(*GREEN, "#E9B893", "#4A2C20", "#22594A", "bob"),
    "r5dc7c7d0bcb": Look(*OCHRE, "#8A5638", "#211613", "#B9782A", "afro", "vee", earrings="drop", lips="#6E2B27"),
    "r874cc5f8a3b": Look(*BLUE, "#8D5B3F", "#1E1714", "#34496F", "short", "blazer", "full", lips="#A8604F"),
    "r5f0577fc829": Look(*CLAY, "#D79B72", "#20161A", "#8C4A2B", "bun", "roll", glasses="soft"),
    "rc9cff32ceba": Look(*VIOLET, "#F0C9AE", "#B9783F", "#5A4A86", "curly", "hood", iris="#4B6B4F", lips="#A8574A"),
    "r4067604db72": Look(*OLIVE, "#B87B53", "#2D2019", "#6A6B33", "long", "shirt", lips="#7A352B"),
    "r3a8d1f40c27": Look(
        *SLATE, "#E6BD9E", "#8D8F90", "#2F5560", "side", "shirt", "stubble", "round", iris="#4A6A7C", lips="#9A5548"
    ),
    "r6be20c9417d": Look(*ROSE, "#C98F66", "#8E4458", "#5B3442", "scarf", "cardigan", brow="#2A1C18", lips="#86352F"),
}

_SKINS = ("#F0C9AE", "#E9B893", "#D79B72", "#B87B53", "#8D5B3F", "#6E442F")
_HAIRS = ("#20161A", "#2D2019", "#4A2C20", "#7A4B2A", "#B9783F", "#8D8F90")
_TOPS = ("#22594A", "#34496F", "#8C4A2B", "#5A4A86", "#6A6B33", "#2F5560", "#5B3442", "#3F4A45")
_STYLES = ("bob", "short", "bun", "curly", "long", "side", "waves", "tail", "afro")


_PICKED = (
    0, 18, 22, 27, 37, 42, 47, 62, 95, 106, 107, 112, 119, 135, 186, 190, 197, 206, 211, 223, 251, 252, 256, 268,
)  # fmt: skip
SPARE = tuple(f"spare-{number}" for number in _PICKED)
"""Names whose hashes draw people who look unlike each other. As many as there are films of, so that a portrait and its
film always show the same person."""


def drawing(replica_id: str) -> str:
    """The name of the drawing that belongs to this id: its own, or a spare one that follows from the id's hash."""
    if replica_id in LOOKS or replica_id in SPARE:
        return replica_id
    return SPARE[hashlib.blake2b(replica_id.encode("utf-8", "replace"), digest_size=1).digest()[0] % len(SPARE)]


def look(replica_id: str) -> Look:
    """How the person of this id is drawn."""
    name = drawing(replica_id)
    if name in LOOKS:
        return LOOKS[name]
    bits = hashlib.blake2b(name.encode(), digest_size=10).digest()
    ground = GROUNDS[bits[0] % len(GROUNDS)]
    style = _STYLES[bits[3] % len(_STYLES)]
    bearded = style in ("short", "side", "curly") and bits[6] % 3 == 0
    return Look(
        *ground,
        skin=_SKINS[bits[1] % len(_SKINS)],
        hair=_HAIRS[bits[2] % len(_HAIRS)],
        top=_TOPS[bits[4] % len(_TOPS)],
        style=style,
        cut=tuple(TOPS)[bits[5] % len(TOPS)],
        beard=("full", "stubble", "moustache")[bits[7] % 3] if bearded else "",
        glasses=("soft", "round", "", "", "")[bits[8] % 5],
        earrings=("drop", "stud", "", "")[bits[9] % 4] if style in ("afro", "bun", "tail") else "",
    )


def figure(replica_id: str) -> str:
    """The person without a ground: the inside of an `<svg>`, in the sheet's units, grouped for movement."""
    one = look(replica_id)
    return (
        f'<g class="f-back">{HAIR_BACK[one.style](one.hair)}</g>'
        f'<g class="f-body">{_body(one)}</g>'
        f'<g class="f-head">{_head(one)}</g>'
    )


def face_svg(replica_id: str, *, name: str, square: bool = False) -> str:
    """A still portrait as a whole SVG document: 320 by 176, or the head alone if `square`.

    `name` is data and is escaped. The ground follows the colour scheme of whatever shows the picture.
    """
    one = look(replica_id)
    label = html.escape(f"Drawn portrait of {name}" if name else "Drawn portrait", quote=True)
    box = "92 14 136 136" if square else "0 0 320 176"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="img" aria-label="{label}" '
        'preserveAspectRatio="xMidYMid slice"><style>:root{color-scheme:light dark}</style>'
        f'<rect width="320" height="200" {_paint(one.ground)}/><path d="M214 0h106v200h-40z" {_paint(one.halo)}/>'
        f'<circle cx="160" cy="96" r="82" {_paint(one.halo)}/>{figure(replica_id)}</svg>'
    )


def _paint(pair: Pair) -> str:
    """A fill that follows the colour scheme; a browser without `light-dark()` keeps the attribute's light colour."""
    return f'fill="{pair[0]}" style="fill:light-dark({pair[0]},{pair[1]})"'


def _body(one: Look) -> str:
    neck = (
        f'<path d="M146 116h28v32q-14 13-28 0z" fill="{one.skin}"/>'
        '<path d="M146 130q14 13 28 0v9q-14 11-28 0z" fill="#000" opacity=".14"/>'
    )
    top = TOPS[one.cut](one.top, one.skin)
    return neck + top if one.cut == "roll" else top + neck


def _head(one: Look) -> str:
    skin = one.skin
    covered = one.style == "scarf"
    ears = "" if covered else (
        f'<ellipse cx="126" cy="92" rx="6" ry="9" fill="{skin}"/>'
        f'<ellipse cx="194" cy="92" rx="6" ry="9" fill="{skin}"/>'
        '<path d="M124 88q-2 4 1 8M196 88q2 4-1 8" fill="none" stroke="#000" stroke-opacity=".16" stroke-width="1.6" '
        'stroke-linecap="round"/>'
    )  # fmt: skip
    return (
        f'<g class="f-ears">{ears}{"" if covered else EARRINGS[one.earrings]}</g>'
        '<g class="f-skull"><path d="M127 80c0-26 13-40 33-40s33 14 33 40c0 34-14 54-33 54s-33-20-33-54z" '
        f'fill="{skin}"/>'
        f'<path d="M186 54c5 7 7 16 7 26 0 34-14 54-33 54 12-8 21-28 24-52 1-10 2-19 2-28z" fill="#000" opacity=".05"/>'
        '<g class="f-cheeks" fill="#D2503C" opacity=".12"><ellipse cx="138" cy="105" rx="6.5" ry="4"/>'
        '<ellipse cx="182" cy="105" rx="6.5" ry="4"/></g>'
        f'<g class="f-beard">{BEARDS[one.beard](one.hair)}</g></g>'
        f'<g class="f-front">{HAIR_FRONT[one.style](one.hair)}</g>'
        f'<g class="f-face">{_eyes(one)}{_brows(one)}{_nose()}{_mouth(one)}{GLASSES[one.glasses]}</g>'
    )


def _eyes(one: Look) -> str:
    return f'<g class="f-eyes">{_eye(one, 146)}{_eye(one, 174)}</g>'


def _eye(one: Look, x: int) -> str:
    return (
        f'<g class="f-eye"><path d="M{x - 7} 91c2-4.2 4.4-5.4 7-5.4s5 1.2 7 5.4c-2 2.8-4.4 3.7-7 '
        '3.7s-5-.9-7-3.7z" fill="#FBF8F4"/>'
        f'<g class="f-iris"><circle cx="{x}" cy="89.8" r="4.1" fill="{one.iris}"/>'
        f'<circle cx="{x}" cy="89.8" r="2.2" fill="#140D0B"/>'
        f'<circle cx="{x + 1.4}" cy="88.4" r="1" fill="#FFF" opacity=".9"/></g>'
        f'<path d="M{x - 7.6} 91.2c2-4.8 4.8-6 7.6-6s5.6 1.2 7.6 6" fill="none" stroke="#2A1C18" stroke-width="2.2" '
        'stroke-linecap="round"/></g>'
    )


def _brows(one: Look) -> str:
    return (
        f'<g class="f-brows" fill="none" stroke="{one.brow or one.hair}" stroke-width="2.8" stroke-linecap="round">'
        '<path class="f-brow" d="M138 79q7-4.5 14-1.5"/><path class="f-brow" d="M168 77.5q7-3 14 1.5"/></g>'
    )


def _nose() -> str:
    return (
        '<path class="f-nose" d="M160 92q-4 9 1.5 11" fill="none" stroke="#000" stroke-opacity=".22" '
        'stroke-width="2.2" stroke-linecap="round"/>'
    )


def _mouth(one: Look) -> str:
    """At rest: a closed, friendly line. The room redraws the four paths for each sound."""
    return (
        '<g class="f-mouth"><path class="f-inner" d="" fill="#4A1B1B"/><path class="f-tongue" d="" fill="#C4625C"/>'
        '<path class="f-teeth" d="" fill="#FBF8F4"/>'
        f'<path class="f-lips" d="M149.5 116q10.5 7 21 0" fill="none" stroke="{one.lips}" stroke-width="2.7" '
        'stroke-linecap="round" stroke-linejoin="round"/></g>'
    )
