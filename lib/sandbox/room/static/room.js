// The room: device check, the call, the end. Everything that comes from outside this file is put on screen as text.

import { Avatar } from "./avatar.js";
import { Devices } from "./devices.js";
import { Listener, Speaker, sentences } from "./speech.js";

const settings = JSON.parse(document.getElementById("settings").textContent);
const token = new URLSearchParams(location.search).get("t");
const $ = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const wide = matchMedia("(min-width: 1000px)");

const call = {
  view: "lobby", // lobby, live, ended
  known: 0, // turns that are on screen
  answering: false,
  lost: "", // what was said and not answered
  captions: true,
  state: null,
  stateAt: 0,
  misses: 0,
  leaving: false,
};

// ---- The sandbox ----

function address(what, more = {}) {
  const url = new URL(`${location.pathname.replace(/\/$/, "")}/${what}`, location.href);
  for (const [name, value] of Object.entries({ ...(token ? { t: token } : {}), ...more })) url.searchParams.set(name, value);
  return url.href;
}

async function ask(what, { method = "GET", body, more, limitMs = 10000 } = {}) {
  const answer = await fetch(address(what, more), {
    method,
    signal: AbortSignal.timeout(limitMs),
    ...(body ? { headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {}),
  });
  if (answer.status === 204) return {};
  const data = await answer.json().catch(() => ({ error: "The room gave an answer that can't be read.", hint: "Try again." }));
  if (!answer.ok) throw Object.assign(new Error(data.error), { hint: data.hint ?? "", status: answer.status });
  return data;
}

async function poll() {
  const since = call.known;
  try {
    if (call.leaving) await tellLeft();
    take(await ask("state", { more: { since }, limitMs: 5000 }), since);
    call.misses = 0;
    if (call.view === "ended") $("ended-note").textContent = "";
  } catch (error) {
    if (error.status === 404) take({ status: "ended", ending: { title: "The room is gone", text: "The conversation was deleted." } }, -1);
    else call.misses += 1;
  }
  drawTimes();
  if (call.view !== "ended" || call.state?.status !== "ended") setTimeout(poll, 1000);
}

function take(state, since) {
  call.state = state;
  call.stateAt = performance.now();
  if (state.status === "ended") return end();
  if (call.view === "live" && !call.answering && since === call.known) {
    for (const [role, text] of state.turns) {
      if (!(role === "user" && text === call.lost)) hear(role, text);
      call.known += 1;
    }
  }
  drawTimes();
}

// ---- What is seen ----

const avatar = new Avatar($("figure"), { still });
const speaker = new Speaker({ onEnd: () => (drawCaption(Infinity), drawMode()) });
const devices = new Devices({ onChange: drawDevices, withCamera: !settings.audioOnly });
const listener = new Listener({ onWords: said, onPart: drawPart, onQuit: (why) => (note(why), drawDevices()) });
const beats = makeBeats();
avatar.sound = (now) => speaker.mouth(now);

let caption = { text: "", parts: [], shown: -1, words: [] };
let part = "";

function drawMode() {
  const mode = speaker.speaking ? "speaking" : call.answering ? "thinking" : "listening";
  $("stage").dataset.mode = mode;
  $("mode").className = `state ${mode}`;
  $("mode").lastElementChild.textContent = { speaking: "Speaking", thinking: "Thinking", listening: "Listening" }[mode];
  avatar.set(mode);
  if (mode === "speaking") listener.stop();
  else if (call.view === "live" && devices.on.audio && devices.tracks.audio) listener.start(settings.lang);
}

function drawTimes() {
  const state = call.state;
  if (!state || state.status === "ended") return;
  const passed = (performance.now() - call.stateAt) / 1000;
  const left = Math.max(0, state.left_s - passed);
  const soon = left <= 60;
  $("clock").textContent = soon ? `${clock(left)} left` : clock(state.elapsed_s + (state.joined ? passed : 0));
  $("clock").className = soon ? "soon" : "";
  if (drawLink(passed, left)) return;
  if (call.view === "ended") $("closes").textContent = call.leaving ? "" : `It closes in ${span(Math.max(0, state.closes_in_s - passed))}.`;
  else if (state.join_within_s !== null) $("waits").textContent = `The room waits ${clock(Math.max(0, state.join_within_s - passed))} for you. A call lasts up to ${minutes(left)}.`;
  else if (state.closes_in_s < state.left_s) $("waits").textContent = `You can join again: with nobody in it the room closes in ${span(Math.max(0, state.closes_in_s - passed))}.`;
  else $("waits").textContent = `The call is on: ${clock(left)} left.`;
}

/** True while nothing is heard from the sandbox: what is counted down then is said to be a guess. */
function drawLink(passed, left) {
  const lost = call.misses > 1;
  const title = lost ? "No connection to the sandbox." : "";
  const more = `Trying again for ${span(passed)}; if the sandbox runs, the call goes on until its limit, in ${span(left)}.`;
  $("link").hidden = !lost;
  // The heading alone is announced: a counter that is read aloud each second leaves no room for anything else.
  if ($("link").firstElementChild.textContent !== title) $("link").firstElementChild.textContent = title;
  $("link").lastElementChild.textContent = more;
  if (lost && call.view === "lobby") $("waits").textContent = `${title} Trying again for ${span(passed)}.`;
  if (lost && call.view === "ended") $("ended-note").textContent = `${title} Trying again for ${span(passed)}.`;
  return lost;
}

const span = (seconds) => clock(seconds).replace(/^0(?=\d:)/, "");
const clock = (seconds) => {
  const whole = Math.floor(seconds);
  return `${String(Math.floor(whole / 60)).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
};
const minutes = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`);

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  svg.setAttribute("aria-hidden", "true");
  return svg;
}

function drawDevices() {
  for (const button of document.querySelectorAll("[data-act=mic], [data-act=cam]")) {
    const mic = button.dataset.act === "mic";
    const on = devices.on[mic ? "audio" : "video"] && Boolean(devices.tracks[mic ? "audio" : "video"]);
    button.classList.toggle("off", !on);
    button.querySelector("use").setAttribute("href", `#i-${mic ? "mic" : "cam"}${on ? "" : "-off"}`);
    const words = mic ? (on ? "Mute" : "Unmute") : on ? "Turn camera off" : "Turn camera on";
    button.querySelector(".say").textContent = words;
    button.title = `${words} (${mic ? "M" : "V"})`;
  }
  const seen = devices.show($("mirror"));
  $("level").hidden = !devices.tracks.audio || !devices.on.audio;
  $("nobody").hidden = seen;
  $("nobody-why").textContent = whyNobody();
  $("pip").classList.toggle("has", devices.show($("pip-video")));
  $("pip-text").textContent = seen ? "You" : "You, camera off";
  drawRows();
  if (call.view !== "live") return;
  if (devices.on.audio && devices.tracks.audio) drawMode();
  else listener.stop();
}

function whyNobody() {
  if (devices.asking) return settings.audioOnly ? "Asking for the microphone" : "Asking for camera and microphone";
  if (settings.audioOnly) return devices.trouble.audio ? "This is a voice call. You can join and type." : "This is a voice call: no camera is used.";
  const { audio, video } = devices.trouble;
  if (audio && audio === video) return `Camera and microphone: ${audio}. You can still join: type, and read the captions.`;
  if (video) return `Camera: ${video}. You can still join without a picture.`;
  return "Your camera is off";
}

function drawRows() {
  const rows = settings.audioOnly ? [] : [deviceRow("video", "cam", "Camera")];
  rows.push(deviceRow("audio", "mic", "Microphone"));
  const talk = Listener.offered && !listener.dead && devices.tracks.audio;
  rows.push(["ear", "You", talk ? "speak or type" : "type", talk ? "Your browser turns speech into text, some with their maker's service. Picture and sound never reach the sandbox." : ""]);
  const voice = speaker.audible(settings.lang);
  rows.push(["voice", settings.who, voice ? "speaks, with captions" : "shown as captions (this browser has no voices)", ""]);
  $("rows").replaceChildren(...rows.map(drawRow));
}

function deviceRow(kind, symbol, name) {
  const trouble = devices.asking ? "asking" : devices.trouble[kind];
  const words = trouble || (devices.on[kind] ? "working" : "off");
  return [symbol, name, words, "", kind, trouble && trouble !== "asking"];
}

function drawRow([symbol, name, words, title, kind, bad]) {
  const row = element("li", kind ? (bad ? "look" : words === "working" ? "good" : "") : "");
  const label = element("b", "", name);
  label.dir = "auto";
  row.append(icon(symbol), label);
  if (title) row.title = title;
  const options = kind && words === "working" ? devices.found[kind] : [];
  if (options.length > 1) {
    const select = element("select");
    select.setAttribute("aria-label", name);
    const used = devices.tracks[kind]?.getSettings().deviceId;
    for (const one of options) select.append(new Option(one.label, one.deviceId, false, one.deviceId === used));
    select.onchange = () => devices.choose(kind, select.value);
    row.append(select);
  } else row.append(element("span", "", words));
  return row;
}

// ---- Captions and transcript ----

function drawCaption(saidChars) {
  const box = $("caption");
  const thinking = call.answering && !speaker.speaking;
  box.hidden = !call.captions || (!thinking && !part && !caption.text);
  if (box.hidden) return;
  const kind = part ? `you:${part}` : thinking ? "dots" : `said:${partAt(saidChars)}`;
  if (kind !== box.dataset.kind || caption.fresh) {
    box.dataset.kind = kind;
    caption.fresh = false;
    caption.words = [];
    if (part) box.replaceChildren(element("span", "you", part));
    else if (thinking) box.replaceChildren(dots());
    else box.replaceChildren(...captionWords(caption.parts[partAt(saidChars)]));
  }
  for (const [word, at] of caption.words) word.className = at < saidChars ? "" : "ahead";
}

function partAt(chars) {
  let at = 0;
  while (at + 1 < caption.parts.length && caption.parts[at + 1].char < chars) at += 1;
  return at;
}

function captionWords({ text, char }) {
  caption.words = [...text.matchAll(/\S+\s*/gu)].map((found) => [element("span", "", found[0]), char + found.index]);
  return caption.words.map(([word]) => word);
}

function dots() {
  const row = element("span", "dots");
  row.append(element("i"), element("i"), element("i"));
  return row;
}

function drawPart(words) {
  part = words;
  drawCaption(speaker.said(performance.now()));
  if (words) avatar.nod(0.5);
}

function write(role, text) {
  const line = element("li", role);
  const who = element("b", "", role === "user" ? "You" : settings.who);
  const words = element("span", "", text);
  who.dir = words.dir = "auto";
  if (settings.lang) words.lang = settings.lang;
  line.append(who, words);
  $("log").append(line);
  $("log").scrollTop = $("log").scrollHeight;
  return line;
}

/** A new turn: into the transcript, and spoken if it is the avatar's. */
function hear(role, text) {
  write(role, text);
  if (role === "assistant") speak(text);
}

function speak(text) {
  caption = { text, parts: sentences(text), words: [], fresh: true };
  speaker.say(text, settings.lang);
  drawMode();
}

let noted = 0;

function note(text) {
  clearTimeout(noted);
  $("note").textContent = text;
  $("note").hidden = !text;
  if (text) noted = setTimeout(() => note(""), 9000);
}

// ---- What the person does ----

async function join(event) {
  // On a touch screen the field would bring up its keyboard, over the face that has just come in.
  const typing = event.pointerType !== "touch" && (event.isTrusted || document.hasFocus());
  for (const button of [$("join"), $("rejoin")]) button.disabled = true;
  devices.wake();
  try {
    const state = await ask("join", { method: "POST" });
    call.view = "live";
    call.leaving = false;
    tellAround("joined");
    show("live");
    $("log").replaceChildren();
    const first = state.turns.length === 1 && state.turns[0][0] === "assistant";
    if (first) hear(...state.turns[0]);
    else for (const [role, text] of state.turns) write(role, text);
    const last = state.turns.findLast?.(([role]) => role === "assistant");
    if (!first && last) caption = { text: last[1], parts: sentences(last[1]), words: [], fresh: true };
    call.known = state.turns.length;
    call.state = state;
    call.stateAt = performance.now();
    beats(5000);
    avatar.start();
    logOpen(wide.matches);
    drawDevices();
    drawMode();
    drawTimes();
    if (typing) $("say").focus({ preventScroll: true });
  } catch (error) {
    $("trouble").textContent = $("ended-note").textContent = error.status ? `${error.message} ${error.hint}` : "The sandbox does not answer. Is it still running? Try again.";
    if (error.status === 410 || error.status === 404) take(await ask("state").catch(() => ({ status: "ended" })), -1);
  } finally {
    for (const button of [$("join"), $("rejoin")]) button.disabled = false;
  }
}

function said(words) {
  part = "";
  if (call.answering) $("say").value = `${$("say").value} ${words}`.trim();
  else say(words);
}

async function say(text) {
  if (call.answering) return note(`One moment: ${settings.who} is still thinking. What you typed stays here.`);
  note("");
  $("failed").hidden = true;
  speaker.stop();
  const again = text === call.lost && $("log").querySelector("li.lost:last-child");
  const line = again || write("user", text);
  line.classList.remove("lost");
  call.answering = true;
  call.lost = "";
  if ($("say").value.trim() === text) $("say").value = "";
  drawMode();
  drawCaption(Infinity);
  try {
    const { reply, turns } = await ask("say", { method: "POST", body: { text }, limitMs: 60000 });
    call.known = turns;
    call.answering = false;
    if (call.view === "live") hear("assistant", reply);
  } catch (error) {
    call.answering = false;
    call.lost = text;
    line.classList.add("lost");
    if (!$("say").value) $("say").value = text;
    $("failed").firstElementChild.textContent = `${settings.who} could not answer. ${error.status ? `${error.message} ${error.hint}` : "The sandbox does not answer: check that it is still running."}`;
    $("failed").hidden = call.view !== "live";
  }
  drawSend();
  drawMode();
  drawCaption(Infinity);
}

/** Tells the page around this room; it is no secret, and whose page that is can't be known here. */
function tellAround(where) {
  if (parent !== window) parent.postMessage({ greenroom: where }, "*");
}

async function leave() {
  call.leaving = true;
  tellAround("left");
  gone();
  call.view = "ended";
  $("ended-title").textContent = "You left the call";
  $("ended-text").textContent = "You can come back while the room is open.";
  $("closes").textContent = "";
  $("ended-facts").textContent = call.state ? `You were here ${clock(elapsed())}.` : "";
  $("ended-note").textContent = "";
  $("rejoin").hidden = false;
  show("ended");
  await tellLeft().then(() => ask("state")).then((state) => call.view === "ended" && take(state, -1)).catch(() => {});
}

/** From its answer on the sandbox counts how long the room stays open; until then `closes_in_s` means something else. */
async function tellLeft() {
  await ask("leave", { method: "POST" });
  call.leaving = false;
}

function elapsed() {
  return call.state.elapsed_s + (performance.now() - call.stateAt) / 1000;
}

function end() {
  const was = call.view;
  const { ending, elapsed_s: lasted, count } = call.state;
  gone();
  call.view = "ended";
  $("ended-title").textContent = ending?.title ?? "The call has ended";
  $("ended-text").textContent = ending?.text ?? "";
  $("closes").textContent = "";
  $("ended-facts").textContent = lasted ? `${clock(lasted)} · ${count === 1 ? "1 turn" : `${count} turns`}` : "";
  $("ended-note").textContent = "Sandbox: nothing was billed.";
  $("rejoin").hidden = true;
  show("ended", was === "live");
}

/** Whatever was running for the call stops. */
function gone() {
  beats(0);
  speaker.stop();
  listener.stop();
  avatar.stop();
  devices.close();
  part = "";
}

function show(view, focus = true) {
  document.body.dataset.view = view;
  for (const one of ["lobby", "live", "ended"]) $(one).hidden = one !== view;
  if (view === "ended" && focus) $("ended-title").focus({ preventScroll: true });
}

function logOpen(open) {
  $("live").classList.toggle("with-log", open);
  $("log").tabIndex = open ? 0 : -1;
  for (const button of document.querySelectorAll(".controls [data-act=log]")) {
    button.setAttribute("aria-pressed", String(open));
    button.classList.toggle("on", open);
    button.title = open ? "Hide the transcript (T)" : "Show the transcript (T)";
  }
}

function captionsOn(on) {
  call.captions = on;
  const button = document.querySelector("[data-act=captions]");
  button.setAttribute("aria-pressed", String(on));
  button.classList.toggle("off", !on);
  button.querySelector("use").setAttribute("href", `#i-cc${on ? "" : "-off"}`);
  button.title = on ? "Hide captions (C)" : "Show captions (C)";
  drawCaption(speaker.said(performance.now()));
}

const acts = {
  mic: () => devices.flip("audio"),
  cam: () => settings.audioOnly || devices.flip("video"),
  captions: () => captionsOn(!call.captions),
  log: () => logOpen(!$("live").classList.contains("with-log")),
  leave,
};

function drawSend() {
  $("send").disabled = !$("say").value.trim();
}

/** Returns `(everyMs) => void`: beats in a worker, in the page itself where there is none; 0 stops. */
function makeBeats() {
  const url = address("beat");
  try {
    const worker = new Worker(new URL("./beat.js", import.meta.url));
    return (everyMs) => worker.postMessage({ url: everyMs ? url : "", everyMs });
  } catch {
    let timer = 0;
    return (everyMs) => {
      clearInterval(timer);
      if (everyMs) timer = setInterval(() => ask("beat", { method: "POST" }).catch(() => {}), everyMs);
    };
  }
}

// ---- Wiring ----

for (const button of document.querySelectorAll("[data-act]")) button.addEventListener("click", () => acts[button.dataset.act]());
$("join").addEventListener("click", join);
$("rejoin").addEventListener("click", async (event) => {
  await devices.ask();
  join(event);
});
$("again").addEventListener("click", () => say(call.lost));
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("say").value.trim();
  if (text.length > settings.maxMessage) note(`A message has up to ${settings.maxMessage.toLocaleString("en")} characters; this one has ${text.length.toLocaleString("en")}. It stays here.`);
  else if (text) say(text);
});
$("say").addEventListener("input", () => {
  drawSend();
  if (Math.random() < 0.06) avatar.nod(0.4);
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || call.view === "ended") return;
  const field = event.target.closest?.("input, select, textarea");
  if (field) {
    if (event.key === "Escape") field.blur();
    return;
  }
  const act = { m: "mic", v: "cam", c: "captions", t: "log" }[event.key.toLowerCase()];
  if (!act || event.repeat || (call.view === "lobby" && act !== "mic" && act !== "cam")) return;
  event.preventDefault();
  acts[act]();
});
wide.addEventListener("change", () => call.view === "live" && logOpen(wide.matches));
addEventListener("pagehide", () => {
  // By the Fetch standard a beacon from a page that sends no referrer has the origin null, which servers refuse.
  if (call.view === "live") fetch(address("leave"), { method: "POST", keepalive: true }).catch(() => {});
});
addEventListener("pageshow", (event) => {
  if (event.persisted && call.view === "live") location.reload();
});
if (window.speechSynthesis) speechSynthesis.addEventListener?.("voiceschanged", drawRows);

for (let i = 0; i < 28; i += 1) $("wave").append(element("i"));
const bars = [...$("wave").children];
const lights = [...$("level").children];

function tick(now) {
  if (call.view === "lobby") {
    const level = devices.level;
    lights.forEach((light, at) => light.classList.toggle("lit", level > at / 6 + 0.03));
  } else if (call.view === "live") {
    if (speaker.speaking) drawCaption(speaker.said(now));
    else if (devices.level > 0.25 && Math.random() < 0.01) avatar.nod(0.6);
    if (settings.audioOnly) drawVoice(now);
  }
  requestAnimationFrame(tick);
}

function drawVoice(now) {
  const loud = speaker.speaking ? avatar.openness : 0;
  $("stage").style.setProperty("--loud", loud.toFixed(3));
  bars.forEach((bar, at) => {
    const shape = Math.sin(((at + 0.5) / bars.length) * Math.PI);
    const wobble = 0.55 + 0.45 * Math.sin(now / 90 + at * 1.7);
    bar.style.transform = `scaleY(${(0.09 + loud * shape * (still ? 0.6 : wobble) * 0.9).toFixed(3)})`;
  });
}

setInterval(drawTimes, 250);
captionsOn(true);
drawSend();
drawDevices();
devices.ask();
poll();
requestAnimationFrame(tick);
// As the page of a frame it has no focus yet, and would take that of the page around it.
if (document.hasFocus() && document.activeElement === document.body) $("join").focus({ preventScroll: true });
