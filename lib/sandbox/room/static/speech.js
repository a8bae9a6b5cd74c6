// Speech out and in. Out: the system's own voices where there are some, else silent lips at reading pace. In: the
// browser's SpeechRecognition where there is one.

const SHAPES = {
  shut: { open: 0, wide: 9.5, round: 0 },
  a: { open: 4.8, wide: 9.8, round: 0.3 },
  e: { open: 2.9, wide: 11.4, round: 0.1 },
  i: { open: 1.9, wide: 12, round: 0 },
  o: { open: 4.1, wide: 6.8, round: 0.9 },
  u: { open: 2.5, wide: 5.4, round: 1 },
  bite: { open: 1, wide: 9.4, round: 0 },
  thin: { open: 1.2, wide: 10.6, round: 0 },
  tip: { open: 2.1, wide: 9.6, round: 0.1 },
  pout: { open: 1.8, wide: 7.2, round: 0.7 },
};
const SOUNDS = new Map();
for (const [letters, shape] of [
  ["aæαа", "a"], ["eεηеэё", "e"], ["iyιиыїі", "i"], ["oøωоο", "o"], ["uυуюw", "u"], ["bmpμπбмп", "shut"],
  ["fvφвф", "bite"], ["szcxjßςσζсзцшщжчй", "thin"], ["ltdnθδλντлтдн", "tip"], ["qrρр", "pout"],
]) for (const letter of letters) SOUNDS.set(letter, shape);
const ORDER = ["a", "e", "tip", "o", "i", "thin", "u"];
const VOWELS = new Set(["a", "e", "i", "o", "u"]);
const WIDE_SCRIPT = /[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/;

/** When which shape is due: `marks` of {at, shape, char} in milliseconds, and the `total`. */
export function plan(text) {
  const marks = [];
  let at = 0;
  for (let char = 0; char < text.length; char += 1) {
    const letter = text[char].toLowerCase();
    const plain = SOUNDS.has(letter) ? letter : letter.normalize("NFD")[0];
    let shape = SOUNDS.get(plain);
    let lasts = VOWELS.has(shape) ? 84 : 50;
    if (/[.!?…。！？؟]/.test(letter)) [shape, lasts] = ["shut", 360];
    else if (/[,;:–—،、]/.test(letter)) [shape, lasts] = ["shut", 190];
    else if (/\d/.test(letter)) [shape, lasts] = [ORDER[Number(letter) % ORDER.length], 210];
    else if (WIDE_SCRIPT.test(letter)) [shape, lasts] = [ORDER[letter.charCodeAt(0) % ORDER.length], 165];
    else if (!/\p{L}/u.test(letter)) [shape, lasts] = [null, 34];
    else if (!shape) shape = ORDER[letter.charCodeAt(0) % ORDER.length];
    const before = marks.at(-1);
    if (shape && before && before.shape === shape && shape !== "shut") lasts *= 0.6;
    marks.push({ at, shape: shape ?? before?.shape ?? "shut", char });
    at += lasts;
  }
  return { marks, total: at + 120 };
}

/** The index of the last mark that is due at `time`. */
function due(marks, time) {
  let low = 0;
  let high = marks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (marks[middle].at <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The text cut into sentences of {text, char}; short enough for a caption and for a voice. */
export function sentences(text) {
  const cut = [];
  for (const found of text.matchAll(/[^.!?…。！？؟]+(?:[.!?…。！？؟]+["'”’»)]*\s*|$)/gu)) {
    const before = cut.at(-1);
    if (before && (/(\d|\b\p{L}{1,3})\.\s*$/u.test(before.text) && !/\s{1}$/.test(before.text) || before.text.trim().length < 12)) before.text += found[0];
    else cut.push({ text: found[0], char: found.index });
  }
  return cut.length ? cut : [{ text, char: 0 }];
}

const synth = "speechSynthesis" in window ? window.speechSynthesis : null;

/** A voice that lives on this machine: one that asks a service elsewhere would carry the words out of the house. */
function localVoice(lang) {
  const voices = synth ? synth.getVoices().filter((voice) => voice.localService) : [];
  const wanted = (lang || navigator.language || "en").toLowerCase().split("-")[0];
  const fitting = voices.filter((voice) => voice.lang.toLowerCase().replace("_", "-").split("-")[0] === wanted);
  return fitting.find((voice) => voice.default) ?? fitting[0] ?? null;
}

export class Speaker {
  constructor({ onEnd }) {
    this.onEnd = onEnd;
    this.run = 0;
    this.now = null;
    if (synth) synth.getVoices(); // the list comes late; asking for it early starts the loading
  }

  audible(lang) {
    return localVoice(lang) !== null;
  }

  get speaking() {
    return this.now !== null;
  }

  /** Speak `text` with lips, aloud where there is a voice. Whatever was being said stops. */
  say(text, lang) {
    this.stop();
    const run = (this.run += 1);
    const { marks, total } = plan(text);
    this.now = { text, marks, total, from: performance.now(), held: false };
    const voice = localVoice(lang);
    if (voice) this.aloud(run, text, voice);
    else this.silent(run, total);
  }

  stop() {
    this.run += 1;
    this.now = null;
    clearTimeout(this.timer);
    if (synth && (synth.speaking || synth.pending)) synth.cancel();
  }

  silent(run, lasts) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.finish(run), lasts);
  }

  finish(run) {
    if (run !== this.run) return;
    this.stop();
    this.onEnd();
  }

  aloud(run, text, voice) {
    const parts = sentences(text);
    const mine = () => run === this.run && this.now;
    this.now.held = true;
    // Some systems list voices that never start: then the lips go on without.
    this.timer = setTimeout(() => {
      if (!mine()) return;
      synth.cancel();
      this.anchor(0);
      this.silent(run, this.now.total);
    }, 2500);
    parts.forEach((part, index) => {
      const utterance = new SpeechSynthesisUtterance(part.text);
      utterance.voice = voice;
      utterance.lang = voice.lang;
      utterance.onstart = () => {
        if (!mine()) return;
        clearTimeout(this.timer);
        this.anchor(part.char);
        this.timer = setTimeout(() => this.finish(run), this.now.total * 2 + 4000);
      };
      utterance.onboundary = (event) => mine() && this.anchor(part.char + event.charIndex);
      utterance.onend = () => mine() && (index === parts.length - 1 ? this.finish(run) : (this.now.held = true));
      utterance.onerror = () => {
        if (!mine()) return;
        this.anchor(part.char);
        this.silent(run, this.now.total - this.now.marks[Math.min(part.char, this.now.marks.length - 1)].at);
      };
      synth.speak(utterance);
    });
  }

  anchor(char) {
    const mark = this.now.marks[Math.min(char, this.now.marks.length - 1)];
    this.now.from = performance.now() - (mark ? mark.at : 0);
    this.now.held = false;
  }

  /** What the mouth should do now, or null when nothing is being said. */
  mouth(now) {
    if (!this.now) return null;
    if (this.now.held || !this.now.marks.length) return SHAPES.shut;
    const time = now - this.now.from;
    return time >= this.now.total ? SHAPES.shut : SHAPES[this.now.marks[due(this.now.marks, time + 40)].shape];
  }

  /** How many characters have been said. */
  said(now) {
    if (!this.now) return Infinity;
    if (this.now.held && now - this.now.from < 50) return 0;
    return this.now.marks.length ? this.now.marks[due(this.now.marks, now - this.now.from)].char + 1 : 0;
  }
}

const Recognition = window.SpeechRecognition ?? window.webkitSpeechRecognition;
const FINAL = {
  network: "Your browser's speech recognition has no service to ask here. Type instead.",
  "not-allowed": "The browser does not let this page hear you. Type instead.",
  "service-not-allowed": "The browser does not let this page hear you. Type instead.",
  "audio-capture": "Your browser's speech recognition can't use the microphone here. Type instead.",
  "language-not-supported": "Your browser can't recognise this language. Type instead.",
};

export class Listener {
  static get offered() {
    return Boolean(Recognition);
  }

  constructor({ onWords, onPart, onQuit }) {
    Object.assign(this, { onWords, onPart, onQuit });
    this.wanted = false;
    this.short = 0;
  }

  async start(lang) {
    if (!Recognition || this.wanted || this.dead) return;
    this.wanted = true;
    this.lang = lang || navigator.language || "en";
    this.local = await onDevice(this.lang);
    this.listen();
  }

  stop() {
    this.wanted = false;
    this.heard?.abort();
    this.heard = null;
  }

  listen() {
    if (!this.wanted) return;
    const heard = new Recognition();
    const begun = performance.now();
    heard.continuous = true;
    heard.interimResults = true;
    heard.lang = this.lang;
    if (this.local) heard.processLocally = true;
    heard.onresult = (event) => {
      let part = "";
      for (let i = event.resultIndex; i < event.results.length; i += 1) {
        const words = event.results[i][0].transcript.trim();
        if (event.results[i].isFinal && words) this.onWords(words);
        else part += ` ${words}`;
      }
      this.onPart(part.trim());
    };
    heard.onerror = (event) => {
      if (FINAL[event.error]) this.quit(FINAL[event.error]);
    };
    heard.onend = () => {
      if (heard !== this.heard || !this.wanted) return;
      this.short = performance.now() - begun < 1000 ? this.short + 1 : 0;
      if (this.short > 3) this.quit("Your browser's speech recognition stops at once here. Type instead.");
      else setTimeout(() => this.listen(), 250);
    };
    this.heard = heard;
    try {
      heard.start();
    } catch {
      this.quit("Your browser's speech recognition could not be started. Type instead.");
    }
  }

  quit(why) {
    this.dead = true;
    this.stop();
    this.onQuit(why);
  }
}

/** True where the browser can recognise this language without sending the sound anywhere. */
async function onDevice(lang) {
  try {
    return (await Recognition.available?.({ langs: [lang], processLocally: true })) === "available";
  } catch {
    return false;
  }
}
