// Camera and microphone: asked for once, told apart when refused, never needed.

const WORDS = {
  NotAllowedError: ["refused", "was not allowed"],
  SecurityError: ["refused", "was not allowed"],
  NotFoundError: ["none found", "was not found"],
  OverconstrainedError: ["none found", "was not found"],
  NotReadableError: ["in use elsewhere", "is in use by another program"],
  AbortError: ["in use elsewhere", "could not be started"],
};

export class Devices {
  constructor({ onChange, withCamera }) {
    this.onChange = onChange;
    this.withCamera = withCamera;
    this.tracks = { audio: null, video: null };
    this.trouble = { audio: "", video: "" };
    this.on = { audio: true, video: withCamera };
    this.chosen = { audio: "", video: "" };
    this.found = { audio: [], video: [] };
    this.asking = true;
  }

  /** Ask for both at once (one prompt); what fails is looked at alone, so that the other still works. */
  async ask() {
    const kinds = this.withCamera ? ["audio", "video"] : ["audio"];
    if (!navigator.mediaDevices?.getUserMedia) {
      for (const kind of kinds) this.trouble[kind] = "needs https or localhost";
    } else {
      try {
        this.take(await navigator.mediaDevices.getUserMedia(this.wish(kinds)));
      } catch (error) {
        await this.apart(kinds, error);
      }
    }
    this.asking = false;
    await this.list();
    this.onChange();
  }

  async apart(kinds, error) {
    for (const kind of kinds) {
      const again = kinds.length > 1 && (error.name !== "NotAllowedError" || (await this.permitted(kind)));
      try {
        if (!again) throw error;
        this.take(await navigator.mediaDevices.getUserMedia(this.wish([kind])));
      } catch (reason) {
        this.trouble[kind] = (WORDS[reason.name] ?? ["not working"])[0];
        this.on[kind] = false;
      }
    }
  }

  async permitted(kind) {
    try {
      const name = kind === "audio" ? "microphone" : "camera";
      return (await navigator.permissions.query({ name })).state === "granted";
    } catch {
      return false;
    }
  }

  wish(kinds) {
    const one = (kind, more) => (this.chosen[kind] ? { ...more, deviceId: { exact: this.chosen[kind] } } : more);
    return {
      audio: kinds.includes("audio") && one("audio", { echoCancellation: true, noiseSuppression: true }),
      video: kinds.includes("video") && one("video", { width: { ideal: 960 }, height: { ideal: 600 }, facingMode: "user" }),
    };
  }

  take(stream) {
    for (const track of stream.getTracks()) {
      this.tracks[track.kind]?.stop();
      this.tracks[track.kind] = track;
      this.trouble[track.kind] = "";
      this.on[track.kind] = true;
      track.onended = () => {
        if (this.tracks[track.kind] !== track) return;
        this.drop(track.kind);
        this.trouble[track.kind] = "unplugged";
        this.onChange();
      };
      if (track.kind === "audio") this.measure(track);
    }
  }

  drop(kind) {
    const track = this.tracks[kind];
    this.tracks[kind] = null;
    this.on[kind] = false;
    track?.stop();
  }

  async list() {
    try {
      const all = await navigator.mediaDevices.enumerateDevices();
      this.found.audio = all.filter((d) => d.kind === "audioinput" && d.label);
      this.found.video = all.filter((d) => d.kind === "videoinput" && d.label);
    } catch {
      this.found = { audio: [], video: [] };
    }
  }

  async choose(kind, deviceId) {
    this.chosen[kind] = deviceId;
    await this.renew(kind);
    this.onChange();
  }

  async renew(kind) {
    try {
      this.take(await navigator.mediaDevices.getUserMedia(this.wish([kind])));
    } catch (error) {
      this.trouble[kind] = (WORDS[error.name] ?? ["not working"])[0];
      this.on[kind] = false;
    }
  }

  /** Camera off lets the device go, so that its light goes out; mute keeps the microphone but sends silence. */
  async flip(kind) {
    if (kind === "video" && this.on.video) this.drop("video");
    else if (!this.tracks[kind] && navigator.mediaDevices?.getUserMedia) await this.renew(kind);
    else if (this.tracks[kind]) this.on[kind] = !this.on[kind];
    if (kind === "audio" && this.tracks.audio) this.tracks.audio.enabled = this.on.audio;
    this.onChange();
  }

  show(video) {
    const track = this.on.video ? this.tracks.video : null;
    video.hidden = !track;
    if (track && video.srcObject?.getVideoTracks()[0] !== track) video.srcObject = new MediaStream([track]);
    if (!track) video.srcObject = null;
    else video.play().catch(() => {});
    return Boolean(track);
  }

  measure(track) {
    const Context = window.AudioContext ?? window.webkitAudioContext;
    if (!Context) return;
    this.sound?.close().catch(() => {});
    this.sound = new Context();
    this.meter = this.sound.createAnalyser();
    this.meter.fftSize = 512;
    this.sound.createMediaStreamSource(new MediaStream([track])).connect(this.meter);
    this.samples = new Uint8Array(this.meter.fftSize);
  }

  /** How loud the microphone is now, 0 to 1. */
  get level() {
    if (!this.meter || !this.on.audio) return 0;
    this.meter.getByteTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += ((sample - 128) / 128) ** 2;
    return Math.min(1, Math.sqrt(sum / this.samples.length) * 5);
  }

  wake() {
    this.sound?.resume?.().catch(() => {});
  }

  close() {
    this.drop("audio");
    this.drop("video");
    this.sound?.close().catch(() => {});
    this.sound = this.meter = null;
  }
}
