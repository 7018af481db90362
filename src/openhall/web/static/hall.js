// The hall's staff screens: seconds that run down or up, and a sound when somebody rings for a colleague.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const { hallNow } = window.openhall;
  let heard = null; // rings that were on the screen before; the first drawing is no news

  function count() {
    for (const place of document.querySelectorAll("[data-until]")) {
      const left = String(Math.max(0, Math.ceil((Number(place.dataset.until) - hallNow()) / 1000)));
      if (place.textContent !== left) place.textContent = left;
    }
  }

  // Two short tones, made here: nothing to fetch, and it works when the line is cut.
  function sound() {
    try {
      // A browser lets a page sound only when somebody has touched it, and complains of one that tries before.
      if (navigator.userActivation && !navigator.userActivation.hasBeenActive) throw new Error("untouched");
      const context = new AudioContext();
      for (const [at, hertz] of [[0, 880], [0.25, 660]]) {
        const tone = context.createOscillator();
        const volume = context.createGain();
        tone.frequency.value = hertz;
        volume.gain.setValueAtTime(0.2, context.currentTime + at);
        volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + at + 0.22);
        tone.connect(volume).connect(context.destination);
        tone.start(context.currentTime + at);
        tone.stop(context.currentTime + at + 0.24);
      }
    } catch {
      // A screen without sound still shows it.
    }
    document.dispatchEvent(new CustomEvent("colleague-rung"));
  }

  function listen() {
    const panel = document.querySelector("[data-rings]");
    const rings = new Set((panel?.dataset.rings || "").split(" ").filter(Boolean));
    if (heard !== null && [...rings].some((ring) => !heard.has(ring))) sound();
    heard = rings;
  }

  document.addEventListener("hall-drawn", () => {
    count();
    listen();
  });
  listen();
  setInterval(count, 250);
});
