// Says that somebody is still in the room. A worker of its own, because a page in a hidden tab may be woken only once a
// minute, and the room counts 15 s of silence as having left.
let timer = 0;

self.onmessage = ({ data }) => {
  clearInterval(timer);
  if (!data.url) return;
  timer = setInterval(() => fetch(data.url, { method: "POST", keepalive: true }).catch(() => {}), data.everyMs);
};
