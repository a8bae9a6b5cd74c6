// The drawn person, moved: breath, blinks, gaze, nods, and a mouth that follows the sounds it is given.

const REST = { open: 0, wide: 10.5, round: 0, smile: 1 };
const FRAME_MS = 30;
const between = (low, high) => low + Math.random() * (high - low);

export class Avatar {
  /** `figure` holds the groups `f-head`, `f-eye` ...; `still` keeps everything but mouth and eyelids where it is. */
  constructor(figure, { still = false } = {}) {
    const all = (name) => [...figure.querySelectorAll(`.${name}`)];
    const one = (name) => figure.querySelector(`.${name}`);
    this.still = still;
    this.parts = Object.fromEntries(
      ["back", "body", "head", "ears", "skull", "front", "face", "inner", "tongue", "teeth", "lips"].map((n) => [n, one(`f-${n}`)]),
    );
    this.eyes = all("f-eye");
    this.irises = all("f-iris");
    this.brows = all("f-brow");
    this.mode = "idle";
    this.sound = () => null;
    this.mouth = { ...REST };
    this.pose = { x: 0, y: 0, turn: 0, tip: 0, lean: 0, brow: 0, gazeX: 0, gazeY: 0, smile: 1 };
    this.look = { x: 0, y: 0, until: 0 };
    this.blink = { at: between(600, 2000), from: 0 };
    this.nodding = { from: -1e9, deep: 1 };
    this.nextNod = 0;
    this.last = 0;
    this.openness = 0;
  }

  start() {
    if (this.running) return;
    this.running = true;
    const step = (now) => {
      if (!this.running) return;
      if (now - this.last >= FRAME_MS) this.frame(now);
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  stop() {
    this.running = false;
  }

  set(mode) {
    if (mode === this.mode) return;
    this.mode = mode;
    this.look.until = 0;
    if (mode === "speaking") this.nod(0.7);
    if (mode === "listening") this.nextNod = performance.now() + between(900, 1800);
  }

  nod(deep = 1) {
    const now = performance.now();
    if (now - this.nodding.from > 700) this.nodding = { from: now, deep };
  }

  frame(now) {
    const passed = Math.min(0.1, (now - this.last) / 1000 || 0);
    this.last = now;
    const sound = this.sound(now);
    this.follow(this.mouth, sound ? { ...sound, smile: 0.55 } : { ...REST, smile: this.pose.smile }, passed, sound ? 26 : 12);
    this.openness = Math.min(1, this.mouth.open / 5);
    if (!this.still) this.move(now, passed);
    this.drawEyes(now);
    this.drawMouth();
  }

  follow(values, targets, passed, speed) {
    const share = 1 - Math.exp(-speed * passed);
    for (const name of Object.keys(targets)) values[name] += (targets[name] - values[name]) * share;
  }

  move(now, passed) {
    const t = now / 1000;
    const attentive = this.mode === "listening";
    const speaking = this.mode === "speaking";
    const thinking = this.mode === "thinking";
    if (attentive && now > this.nextNod) {
      this.nod(between(0.6, 1));
      this.nextNod = now + between(2200, 4200);
    }
    const lively = speaking ? 1.7 : 1;
    const since = now - this.nodding.from;
    const nod = since < 640 ? Math.sin((since / 640) * Math.PI * 2) * (since < 320 ? 1 : 0.5) * this.nodding.deep : 0;
    const gaze = this.gaze(now);
    this.follow(
      this.pose,
      {
        x: (Math.sin(t * 0.53) * 0.9 + Math.sin(t * 1.31 + 2) * 0.35) * lively,
        y: (Math.sin(t * 0.71 + 1) * 0.45 + (speaking ? Math.sin(t * 2.6) * 0.35 : 0)) * lively + nod * 2 + this.openness * 0.5,
        turn: gaze.x * 0.28 + Math.sin(t * 0.41) * 0.22 * lively,
        tip: gaze.y * 0.25 + nod * 0.9,
        lean: Math.sin(t * 0.37 + 0.6) * 0.9 * lively + (attentive ? 1.7 : 0) + (thinking ? -1.6 : 0),
        brow: attentive ? 0.9 : thinking ? 0.5 : speaking ? Math.max(0, Math.sin(t * 1.7)) * 0.7 : 0,
        gazeX: gaze.x,
        gazeY: gaze.y,
        smile: thinking ? 0.25 : attentive ? 0.9 : 1,
      },
      passed,
      9,
    );
    this.place(Math.sin(t * 1.5));
  }

  // Puts head, hair, brows and eyes where `pose` has them; `breath` from -1 to 1.
  place(breath) {
    const { x, y, turn, tip, lean, brow } = this.pose;
    const at = (px, py, more = "") => `translate(${px.toFixed(2)} ${py.toFixed(2)})${more}`;
    const swing = ` rotate(${lean.toFixed(2)} 160 146)`;
    this.parts.body.setAttribute("transform", at(x * 0.25, -breath * 0.7));
    this.parts.head.setAttribute("transform", at(x, y - breath * 0.5, swing));
    this.parts.back.setAttribute("transform", at(x - turn * 2.2, y - breath * 0.5, swing));
    this.parts.face.setAttribute("transform", at(turn * 4, tip * 2.2));
    this.parts.front.setAttribute("transform", at(turn * 1.5, tip * 0.8));
    this.parts.ears.setAttribute("transform", at(-turn * 1.3, -tip * 0.6));
    const jaw = 1 + this.openness * 0.03;
    this.parts.skull.setAttribute("transform", `translate(${(turn * 0.7).toFixed(2)} ${(92 * (1 - jaw)).toFixed(2)}) scale(1 ${jaw.toFixed(4)})`);
    for (const one of this.brows) one.setAttribute("transform", at(0, -brow * 1.9));
    for (const one of this.irises) one.setAttribute("transform", at(this.pose.gazeX * 1.7, this.pose.gazeY * 0.9));
  }

  // Eyes rest on the viewer, with short glances aside; while thinking they go up and away.
  gaze(now) {
    if (now > this.look.until) {
      const away = this.mode === "thinking" ? 0.85 : this.mode === "listening" ? 0.12 : 0.28;
      const aside = Math.random() < away;
      this.look = aside
        ? { x: this.mode === "thinking" ? between(-1, -0.5) : between(-0.9, 0.9), y: this.mode === "thinking" ? between(-1, -0.6) : between(-0.4, 0.5), until: now + between(450, 1300) }
        : { x: between(-0.12, 0.12), y: between(-0.1, 0.1), until: now + between(900, 2600) };
      if (aside && Math.random() < 0.25) this.blink.at = now;
    }
    return this.look;
  }

  drawEyes(now) {
    if (now > this.blink.at) this.blink = { at: now + (Math.random() < 0.14 ? 260 : between(2200, 5600)), from: now };
    const since = now - this.blink.from;
    const shut = since < 150 ? Math.sin((since / 150) * Math.PI) : 0;
    const high = (1 - 0.93 * shut).toFixed(3);
    for (const eye of this.eyes) eye.setAttribute("transform", `translate(0 ${(91.5 * (1 - high)).toFixed(2)}) scale(1 ${high})`);
  }

  drawMouth() {
    const { open, wide, round, smile } = this.mouth;
    const parted = Math.min(1, open / 2.4);
    const left = 160 - wide;
    const right = 160 + wide;
    const corner = 116 + open * 0.22;
    const bend = wide * 0.62 * (1 - round * 0.9);
    const closed = 116 + 4.8 * smile;
    const upper = closed + (112.6 - open * 0.25 - closed) * parted;
    const lower = closed + (118 + open * 2.1 - closed) * parted + open * 0.2;
    const n = (value) => value.toFixed(2);
    const top = (y) => `C${n(left + bend)} ${n(y)} ${n(right - bend)} ${n(y)} ${n(right)} ${n(corner)}`;
    const back = (y) => `C${n(right - bend)} ${n(y)} ${n(left + bend)} ${n(y)} ${n(left)} ${n(corner)}`;
    const begin = `M${n(left)} ${n(corner)}`;
    const outline = `${begin}${top(upper)}${back(lower)}Z`;
    const gap = lower - upper;
    this.parts.lips.setAttribute("d", gap > 0.6 ? outline : `${begin}${top(upper)}`);
    this.parts.inner.setAttribute("d", gap > 0.6 ? outline : "");
    this.parts.teeth.setAttribute("d", gap > 2.2 ? `${begin}${top(upper)}${back(upper + Math.min(gap * 0.42, 4.6))}Z` : "");
    this.parts.tongue.setAttribute("d", gap > 6 ? this.tongue(left, right, bend, corner, lower, gap) : "");
  }

  tongue(left, right, bend, corner, lower, gap) {
    const along = (s) => {
      const r = 1 - s;
      const x = r ** 3 * left + 3 * r * r * s * (left + bend) + 3 * r * s * s * (right - bend) + s ** 3 * right;
      const y = (r ** 3 + s ** 3) * corner + 3 * r * s * lower;
      return `${x.toFixed(2)} ${y.toFixed(2)}`;
    };
    const edge = [0.24, 0.36, 0.5, 0.64, 0.76].map(along);
    return `M${edge.join("L")}Q160 ${(lower - gap * 0.52).toFixed(2)} ${edge[0]}Z`;
  }
}
