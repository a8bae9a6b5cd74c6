"""Draws the replicas' films anew: `python -m tests.draw_previews`, after a face or its movement has changed.

The figure is the room's own, moved by the room's own script in a real browser, one picture at a time; the loop of
`LOOP_S` seconds has no seam. Needs `pip install av==18.1.0` (FFmpeg as a library) besides the test requirements:
nothing else uses it, so it is in neither list. Takes some five minutes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction

from playwright.sync_api import Page, sync_playwright

from lib.sandbox.replicas import faces, pictures
from tests.browsing import launch
from tests.running import ROOT

LOOP_S, RATE = 4, 15
WIDTH, HEIGHT = 400, 220
QUALITY = {"crf": "40", "deadline": "good", "cpu-used": "1", "g": "240", "lag-in-frames": "25"}

SCRIPT = """
const TURN = 2 * Math.PI;
const figure = document.querySelector("svg");
const one = new Avatar(figure);
const bump = (u, from, to) => u > from && u < to ? Math.sin((u - from) / (to - from) * Math.PI) : 0;

// `u` runs from 0 to 1 once a loop, and everything is at its end where it was at its beginning.
window.draw = (u) => {
  const wave = (times, shift = 0) => Math.sin(TURN * (u * times + shift));
  const said = bump(u, 0.22, 0.7);
  const glance = bump(u, 0.72, 0.9);
  const syllable = Math.max(0, Math.sin(TURN * u * 13) * 0.6 + Math.sin(TURN * u * 9 + 1) * 0.5);
  one.mouth = {
    open: 5.2 * said * syllable, wide: 10.5 - 1.6 * said * wave(7),
    round: 0.5 * said * Math.max(0, wave(5)), smile: 1 - 0.4 * said,
  };
  one.openness = Math.min(1, one.mouth.open / 5);
  const nod = bump(u, 0.04, 0.12) - 0.4 * bump(u, 0.12, 0.18);
  one.pose = {
    x: wave(1) * 0.9 + wave(2, 0.3) * 0.3, y: wave(1, 0.2) * 0.4 + nod * 2 + one.openness * 0.5,
    turn: wave(1, 0.6) * 0.25 + glance * 0.28, tip: nod * 0.9 - glance * 0.1, lean: wave(1, 0.1) * 1.3,
    brow: said * 0.6 + glance * 0.4, gazeX: glance * 0.9, gazeY: -glance * 0.3, smile: 1,
  };
  one.place(wave(1, 0.5));
  const now = u * 4000;
  const from = [150, 2840].findLast((at) => at <= now) ?? -1e9;
  one.blink = { at: 1e9, from };
  one.drawEyes(now);
  one.drawMouth();
};
"""


def main() -> None:
    total = 0
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        for name in (*faces.LOOKS, *faces.SPARE):
            path = pictures.FOLDER / f"{name}.webm"
            path.write_bytes(film(list(loop(page, name))))
            total += path.stat().st_size
            print(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes")
        browser.close()
    print(f"{total:,} bytes in all")


def loop(page: Page, name: str) -> Iterator[bytes]:
    """The loop as PNG pictures."""
    script = (ROOT / "lib/sandbox/room/static/avatar.js").read_text("utf-8").replace("export class", "class")
    style = "html,body{margin:0;overflow:hidden}svg{display:block;width:100vw;height:100vh}"
    page.set_content(f"<style>{style}</style>{faces.face_svg(name, name='')}")
    page.add_script_tag(content=f"{{ {script}\n{SCRIPT} }}")
    for number in range(LOOP_S * RATE):
        page.evaluate("(u) => draw(u)", number / (LOOP_S * RATE))
        yield page.screenshot(type="png")


def film(frames: Sequence[bytes]) -> bytes:
    """PNG pictures as WebM (VP9)."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    made = io.BytesIO()
    with av.open(made, "w", format="webm") as container:
        stream = container.add_stream("libvpx-vp9", rate=RATE, options=QUALITY)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.bit_rate = 0  # the quality alone decides
        stream.codec_context.color_range, stream.codec_context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        for number, png in enumerate(frames):
            with av.open(io.BytesIO(png)) as picture:
                frame = next(picture.decode(video=0)).reformat(
                    format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
                )
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            frame.pict_type = 0  # else each would be kept whole, as it was in its PNG
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return made.getvalue()


if __name__ == "__main__":
    main()
