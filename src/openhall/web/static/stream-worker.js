// One event stream for all screens of a browser: browsers allow six connections to a host over HTTP/1.1.
"use strict";

const SILENT_MS = 5000; // the server beats every two seconds
const GONE_MS = 180000; // a page that has not pinged for so long was closed without a word
const streams = new Map();

class Shared {
  constructor(url, position) {
    this.url = url;
    this.ports = new Map();
    this.last = position;
    this.open();
  }

  open() {
    if (this.source) this.source.close();
    this.source = new EventSource(`${this.url}?after=${this.last}`);
    this.heard = Date.now();
    for (const kind of ["beat", "hall", "resync"]) {
      this.source.addEventListener(kind, (event) => {
        this.heard = Date.now();
        if (event.lastEventId) this.last = Number(event.lastEventId);
        this.tell({ kind, data: kind === "hall" ? event.data : "", id: this.last });
      });
    }
  }

  // A page that was drawn before the last event comes too late to hear of it: it looks again.
  join(port, position) {
    if (!this.ports.has(port) && position < this.last) port.postMessage({ kind: "resync", data: "", id: this.last });
    this.ports.set(port, Date.now());
  }

  tell(message) {
    for (const port of this.ports.keys()) port.postMessage(message);
  }

  check(now) {
    for (const [port, seen] of this.ports) if (now - seen > GONE_MS) this.ports.delete(port);
    if (this.ports.size === 0) {
      this.source.close();
      streams.delete(this.url);
    } else if (now - this.heard > SILENT_MS || this.source.readyState === EventSource.CLOSED) {
      this.open();
    }
  }
}

self.onconnect = (connected) => {
  const port = connected.ports[0];
  port.onmessage = (message) => {
    const { url, position, bye } = message.data;
    let shared = streams.get(url);
    if (bye) {
      if (shared) shared.ports.delete(port);
      return;
    }
    if (!shared) streams.set(url, (shared = new Shared(url, position)));
    shared.join(port, position);
  };
  port.start();
};

setInterval(() => {
  const now = Date.now();
  for (const shared of streams.values()) shared.check(now);
}, 1000);
