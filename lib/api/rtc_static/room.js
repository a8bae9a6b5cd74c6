// Joins the worker's room: one connection, its offer and answer by two requests, media straight to the worker.
const here = location.pathname.replace(/\/$/, "");
const token = new URLSearchParams(location.search).get("t") || "";
const part = (id) => document.getElementById(id);
const post = (path, body) =>
  fetch(here + path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-room-token": token },
    body: JSON.stringify(body),
  });

let peer = null;
let microphone = null;

function trouble(text) {
  part("trouble").textContent = text;
  part("trouble").hidden = !text;
}

async function listen() {
  try {
    const media = await navigator.mediaDevices.getUserMedia({ audio: true });
    return media.getAudioTracks()[0] || null;
  } catch (error) {
    trouble(
      window.isSecureContext
        ? "The microphone was refused or is missing: write to the avatar instead."
        : "This page is neither on https nor on localhost, so it gets no microphone: write to the avatar instead.",
    );
    return null;
  }
}

// A description is complete once the addresses of this machine are in it; there is no server to send them later.
function gathered(connection) {
  if (connection.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((done) => {
    setTimeout(done, 3000);
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState === "complete") done();
    });
  });
}

async function join() {
  part("join").disabled = true;
  part("join").textContent = "Joining";
  trouble("");
  microphone = await listen();
  peer = new RTCPeerConnection();
  const stream = new MediaStream();
  part("avatar").srcObject = stream;
  peer.addEventListener("track", (event) => stream.addTrack(event.track));
  peer.addEventListener("connectionstatechange", () => {
    if (peer && ["failed", "closed"].includes(peer.connectionState)) lost();
  });
  // The order is the worker's: sound, then picture.
  peer.addTransceiver(microphone || "audio", { direction: "sendrecv" });
  peer.addTransceiver("video", { direction: "recvonly" });
  peer.createDataChannel("messages", { ordered: true });
  await peer.setLocalDescription(await peer.createOffer());
  await gathered(peer);
  const answer = await post("/offer", { sdp: peer.localDescription.sdp, type: peer.localDescription.type });
  if (!answer.ok) return lost("The room did not answer. It may be over.");
  await peer.setRemoteDescription(await answer.json());
  part("door").hidden = true;
  part("bar").hidden = false;
  part("mute").hidden = !microphone;
  part("text").focus();
}

function lost(text = "The connection to the room was lost. Reload the page to join again.") {
  trouble(text);
  part("join").disabled = false;
  part("join").textContent = "Join";
}

function leave() {
  if (microphone) microphone.stop();
  if (peer) peer.close();
  peer = null;
  part("bar").hidden = true;
  part("door").hidden = false;
  part("note").textContent = "You have left. The call ends by itself if nobody comes back.";
  part("join").disabled = false;
  part("join").textContent = "Join again";
}

part("join").addEventListener("click", () => join().catch(() => lost()));
part("leave").addEventListener("click", leave);
part("mute").addEventListener("click", () => {
  microphone.enabled = !microphone.enabled;
  part("mute").setAttribute("aria-pressed", String(!microphone.enabled));
  part("mute").textContent = microphone.enabled ? "Mute" : "Unmute";
});
part("bar").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = part("text").value.trim();
  if (!text) return;
  const answer = await post("/say", { text });
  if (answer.ok) part("text").value = "";
  trouble(answer.ok ? "" : "That was not heard: the room may be over. It is still in the field.");
});
addEventListener("pagehide", () => peer && peer.close());
