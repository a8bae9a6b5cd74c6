"""The shapes that a drawn face is put together from: hair, collars, beards, glasses, as SVG paths.

All of them share one sheet of 320 by 176 units: crown at y 40, chin at y 134, ears at x 126 and 194, the neck's foot
at y 146. Bodies run far below the sheet, so that a tall window never shows where they end. A shape is a function of
its colour only; nothing here comes from outside, so nothing needs escaping.
"""

from __future__ import annotations

from collections.abc import Callable

Shape = Callable[[str], str]


def _path(d: str, extra: str = "") -> Shape:
    return lambda colour: f'<path d="{d}" fill="{colour}"{extra}/>'


def _dots(*dots: tuple[float, float, float]) -> Shape:
    return lambda colour: "".join(f'<circle cx="{x}" cy="{y}" r="{r}" fill="{colour}"/>' for x, y, r in dots)


def _both(*shapes: Shape) -> Shape:
    return lambda colour: "".join(shape(colour) for shape in shapes)


def _shine(d: str, width: float = 2.4, opacity: float = 0.13) -> Shape:
    return lambda _: (
        f'<path d="{d}" fill="none" stroke="#FFF" stroke-opacity="{opacity}" stroke-width="{width}" '
        'stroke-linecap="round"/>'
    )


def _nothing(_: str) -> str:
    return ""


# Behind the shoulders; moves a little against the head.
HAIR_BACK: dict[str, Shape] = {
    "bob": _path(
        "M117 90c-3-43 18-66 43-66s46 23 43 66c-1 18 4 33-1 44-2 4-6 5-10 5h-64c-4 0-8-1-10-5-5-11 0-26-1-44z"
    ),
    "long": _path("M115 92c-3-46 19-69 45-69s48 23 45 69c-1 27 11 58 4 92-20 8-78 8-98 0-7-34 5-65 4-92z"),
    "waves": _both(
        _path(
            "M116 90c-3-44 18-67 44-67s47 23 44 67c0 12 8 18 5 30-2 9 5 15 1 25-14 6-86 6-100 0-4-10 3-16 1-25-3-12 "
            "5-18 5-30z"
        ),
    ),
    "bun": _both(_dots((160, 21, 15.5)), _path("M121 86c-4-42 14-60 39-60s43 18 39 60z")),
    "curly": _dots(
        (125, 74, 13), (127, 57, 15), (139, 41, 16), (160, 33, 18), (181, 41, 16), (193, 57, 15), (195, 74, 13)
    ),
    "afro": _both(
        _dots((160, 58, 46), (121, 66, 16), (199, 66, 16), (128, 40, 16), (192, 40, 16), (146, 24, 15), (174, 24, 15)),
        _dots((120, 84, 12), (200, 84, 12)),
    ),
    "short": _path("M123 92c-6-44 13-64 37-64s43 20 37 64z"),
    "side": _path("M123 92c-6-43 12-62 37-62s43 19 37 62z"),
    "tail": _both(
        _path("M190 44c22 4 28 30 22 58-3 16 2 26-6 34-8-6-7-22-8-36-1-20-6-40-16-48z"),
        _path("M122 88c-4-42 14-61 38-61s42 19 38 61z"),
    ),
    "scarf": _path("M113 92c-4-48 19-71 47-71s51 23 47 71c-1 22 7 40 15 56-12 14-112 14-124 0 8-16 16-34 15-56z"),
}

# Over the brow; moves a little with the head.
HAIR_FRONT: dict[str, Shape] = {
    "bob": _both(
        _path("M161 43c-8 18-19 30-31 40-1 7-2 12-4 18-10-6-10-27-6-42 5-22 19-34 41-34z"),
        _path("M160 25c22 0 35 12 40 34 4 15 4 36-6 42-2-6-3-11-4-18-13-8-24-22-30-40z"),
        _shine("M131 66c3-12 9-21 18-26"),
        _shine("M180 36c6 4 11 10 13 18"),
    ),
    "long": _both(
        _path("M172 42c-10 18-24 28-41 36-2 8-3 18-6 26-9-6-9-30-5-46 6-22 20-33 40-33l20 6z"),
        _path("M164 25c20 1 32 12 37 33 4 16 4 40-6 46-3-12-4-22-7-30-8-8-14-20-17-32z"),
        _shine("M133 62c4-12 11-19 21-23"),
    ),
    "waves": _both(
        _path("M151 43c-4 16-10 26-21 36 0 8-2 16-5 24-11-6-11-30-6-45 6-21 20-33 41-33z"),
        _path("M148 27c28-8 46 6 52 31 4 15 5 39-6 45-3-8-4-15-5-23-18-6-34-18-42-38z"),
        _shine("M170 33c9 3 16 10 20 20"),
        _shine("M127 70c1-8 4-15 8-20"),
    ),
    "bun": _both(
        _path("M123 90c-5-42 13-62 37-62s42 20 37 62c-2-2-4-6-5-11-4-20-16-30-32-30s-28 10-32 30c-1 5-3 9-5 11z"),
        _shine("M138 45c6-6 13-9 21-9"),
    ),
    "curly": _both(
        _dots(
            (133, 62, 11), (144, 51, 12), (159, 47, 12), (174, 50, 12), (186, 60, 11), (127, 77, 7.5), (193, 77, 7.5)
        ),
        _shine("M150 40c5-4 12-5 18-3", 2.2, 0.16),
        _shine("M131 58c1-4 4-7 7-9", 2.2, 0.16),
    ),
    "afro": _both(
        _path("M124 90c-4-40 14-56 36-56s40 16 36 56c-2-2-4-7-5-12-2-17-14-25-31-25s-29 8-31 25c-1 5-3 10-5 12z"),
        _dots((134, 56, 8), (147, 50, 9), (161, 48, 9), (175, 51, 9), (187, 58, 8)),
        _shine("M130 30c6-6 13-10 21-11", 2.6, 0.1),
    ),
    "short": _both(
        _path(
            "M123 91c-6-43 13-63 37-63s43 20 37 63c-2-2-4-6-5-11-1-9-4-15-8-20-16 4-34 3-47-3-5 6-8 14-9 23-1 5-3 "
            "9-5 11z"
        ),
        _shine("M139 42c6-4 12-6 19-6"),
    ),
    "side": _both(
        _path(
            "M123 91c-7-40 8-64 39-64 26 0 41 21 35 64-2-2-4-6-5-11-1-8-3-13-7-18-20-1-36-5-45-13-4 10-10 17-12 31-1 "
            "5-3 9-5 11z"
        ),
        _shine("M150 36c10-3 20-2 29 4"),
    ),
    "tail": _both(
        _path(
            "M123 90c-5-42 12-63 38-63 24 0 41 20 36 63-2-2-4-6-5-10-2-15-8-26-18-33-10 12-26 20-42 26-2 6-4 14-9 17z"
        ),
        _shine("M140 42c6-5 13-8 21-8"),
    ),
    "scarf": _both(
        _path(
            "M160 22c30 0 46 20 44 56-1 38-16 66-44 66s-43-28-44-66c-2-36 14-56 44-56zm0 24c-18 0-29 14-29 37 0 28 11 "
            "49 29 49"
            "s29-21 29-49c0-23-11-37-29-37z",
            ' fill-rule="evenodd"',
        ),
        _path("M130 82c0-24 11-38 30-38s30 14 30 38c-3-18-13-28-30-28s-27 10-30 28z"),
        _path("M124 116c4 14 18 26 36 26s32-12 36-26l8 34q-44 24-88 0z"),
        lambda _: '<path d="M126 130q34 30 68 0l3 10q-37 26-74 0z" fill="#000" opacity=".12"/>',
        lambda _: (
            '<path d="M130 82c0-24 11-38 30-38s30 14 30 38c-3-18-13-28-30-28s-27 10-30 28z" fill="#000" opacity=".3"/>'
        ),
        _shine("M128 50c5-10 12-16 22-19", 2.4, 0.18),
        _shine("M192 104c-3 13-8 22-15 29", 2.4, 0.14),
    ),
    "bald": _shine("M140 52c5-5 10-7 16-8", 2.6, 0.3),
}

Top = Callable[[str, str], str]
"""A top from its colour and the skin's, since a neckline shows both."""

_BODY = "M70 214c0-40 32-60 72-68h36c40 8 72 28 72 68v420H70z"
_FOLDS = "M97 178c4 10 6 22 6 36M223 178c-4 10-6 22-6 36"


def _line(d: str, opacity: float = 0.18, width: float = 2.4) -> str:
    return (
        f'<path d="{d}" fill="none" stroke="#000" stroke-opacity="{opacity}" stroke-width="{width}" '
        'stroke-linecap="round" stroke-linejoin="round"/>'
    )


def _top(opening: str, over: str = "", under: str = "") -> Top:
    """A body in the top's colour, the skin that its neckline leaves free, and what lies over and under both."""
    return lambda colour, skin: (
        under.replace("TOP", colour)
        + f'<path d="{_BODY}" fill="{colour}"/>{_line(_FOLDS, 0.14)}'
        + (f'<path d="{opening}" fill="{skin}"/>' if opening else "")
        + over.replace("TOP", colour)
    )


# Folds and seams are black at a low opacity, so that every colour carries them.
TOPS: dict[str, Top] = {
    "crew": _top("M140 145q20 25 40 0z", _line("M140 146q20 25 40 0", 0.2, 3.2)),
    "vee": _top("M140 145l20 37 20-37z", _line("M139.5 146l20.5 37 20.5-37", 0.2, 3)),
    "roll": _top(
        "",
        '<path d="M143 134q17 11 34 0l5 14q-22 16-44 0z" fill="TOP"/>'
        '<path d="M143 134q17 11 34 0l1.5 4q-18.5 11-37 0z" fill="#FFF" opacity=".08"/>'
        + _line("M137.5 148.5q22.5 16 45 0", 0.2),
    ),
    "shirt": _top(
        "M142 145l18 26 18-26z",
        '<path d="M142 142l-9 7 13 24 14-12z" fill="TOP"/><path d="M178 142l9 7-13 24-14-12z" fill="TOP"/>'
        '<path d="M142 142l-9 7 13 24 14-12z" fill="#FFF" opacity=".17"/>'
        '<path d="M178 142l9 7-13 24-14-12z" fill="#FFF" opacity=".17"/>'
        + _line("M160 173v290", 0.2, 2)
        + '<circle cx="165" cy="184" r="1.7" fill="#FFF" opacity=".5"/>',
    ),
    "blazer": _top(
        "",
        '<path d="M139 145l21 66 21-66z" fill="#F1EEE6"/><path d="M143 145l17 22 17-22z" fill="#00000022"/>'
        '<path d="M143 142l-5 5 12 24 10-10zM177 142l5 5-12 24-10-10z" fill="#FBF9F4"/>'
        '<path d="M138 146l-11 7 4 22-9 5 38 42-10-40z" fill="#000" opacity=".2"/>'
        '<path d="M182 146l11 7-4 22 9 5-38 42 10-40z" fill="#000" opacity=".2"/>' + _line("M160 222v240", 0.22, 2),
    ),
    "cardigan": _top(
        "M143 145q17 17 34 0z",
        '<path d="M138 146q2 46 22 72 20-26 22-72l-5-1q-17 20-34 0z" fill="#EFE9E2"/>'
        + _line("M143 146q17 19 34 0", 0.12, 2)
        + _line("M138 146q2 46 22 72v240", 0.2, 2.2)
        + _line("M182 146q-2 46-22 72", 0.2, 2.2),
    ),
    "hood": _top(
        "M141 145q19 24 38 0z",
        _line("M140 146q20 25 40 0", 0.22, 3.2) + _line("M150 160l-3 26M170 160l3 26", 0.32, 2),
        '<path d="M122 152c-4-18 12-30 38-30s42 12 38 30z" fill="TOP"/>'
        '<path d="M122 152c-4-18 12-30 38-30s42 12 38 30z" fill="#000" opacity=".2"/>',
    ),
}

BEARDS: dict[str, Shape] = {
    "": _nothing,
    "full": _path(
        "M126.5 88c1 34 15 50 33.5 50s32.5-16 33.5-50c-5 13-9 18-15 18.5-6-3-12-3.5-18.5-3.5s-12.5 .5-18.5 "
        "3.5c-6-.5-10-5.5-15-18.5z"
        "M147 116q13-7 26 0-2 9-13 9t-13-9z",
        ' fill-rule="evenodd" opacity=".94"',
    ),
    "stubble": _path(
        "M128 94c2 27 15 40 32 40s30-13 32-40c-4 9-8 13-14 14-12-5-24-5-36 0-6-1-10-5-14-14z", ' opacity=".2"'
    ),
    "moustache": _path("M144 111c5-6 11-7 16-4 5-3 11-2 16 4-5 1-11 1-16-1-5 2-11 2-16 1z"),
}

_WIRE = '<g fill="none" stroke="#2B211F" stroke-width="2.3">{}<path d="M156.5 88q3.5-2.5 7 0"/></g>'

GLASSES: dict[str, str] = {
    "": "",
    "soft": _WIRE.format(
        '<rect x="134" y="81" width="22.5" height="17.5" rx="7.5"/>'
        '<rect x="164" y="81" width="22.5" height="17.5" rx="7.5"/>'
    ),
    "round": _WIRE.format('<circle cx="145.5" cy="90" r="10.5"/><circle cx="174.5" cy="90" r="10.5"/>'),
}

EARRINGS: dict[str, str] = {
    "": "",
    "drop": '<g fill="#D9A441"><circle cx="125.5" cy="104" r="2"/><circle cx="125.5" cy="110" r="3"/>'
    '<circle cx="194.5" cy="104" r="2"/><circle cx="194.5" cy="110" r="3"/></g>',
    "stud": '<g fill="#E8EDEA"><circle cx="125.5" cy="101" r="2"/><circle cx="194.5" cy="101" r="2"/></g>',
}
