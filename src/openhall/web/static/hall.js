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

  function sound() {
    window.openhall.chime().catch(() => {}); // a screen without sound still shows it
    document.dispatchEvent(new CustomEvent("colleague-rung"));
  }

  // The called number on a card of its own, to be held up to somebody who does not hear it.
  document.addEventListener("click", (event) => {
    const control = event.target.closest("[data-card]");
    if (!control) return;
    const card = document.getElementById("call-card");
    card.querySelector("[data-card-number]").textContent = control.dataset.card;
    card.querySelector("[data-card-window]").textContent = control.dataset.window;
    card.showModal();
  });

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
