// The hall's staff screens: seconds that run down or up, a sound when somebody rings for a colleague, and a new
// page for a new day.
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

  // A tablet stays on overnight. The forms beside what is redrawn belong to the day they came with.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, xhr } = event.detail;
    if (target.id !== "live") return;
    // Whose right was taken away is told so; a screen that only stood still would be believed.
    if (xhr.status === 403 || xhr.status === 404) location.reload();
    else if (xhr.status === 200 && xhr.getResponseHeader("X-Hall-Day") !== document.body.dataset.openDay) location.reload();
  });

  // What somebody has just pressed by key goes away with the redraw. The focus goes to what was around it, so that
  // the next Tab goes on from there, and not to a button that a second Enter would press.
  let around = [];
  const noteFocus = () => {
    around = [];
    for (let at = document.activeElement; at?.closest("#live") && at.id !== "live"; at = at.parentElement) around.push(at);
  };
  document.addEventListener("htmx:beforeSwap", noteFocus, true); // before the old drawing is touched
  function keepFocus() {
    if (!around.length || around[0].isConnected) return;
    const still = around.find((each) => each.isConnected && !each.hidden);
    if (!still || document.activeElement !== document.body) return;
    still.tabIndex = -1;
    still.focus({ preventScroll: true });
  }

  // At a window, Enter sends what has been chosen and Escape leaves it; the keys press buttons again after both.
  document.addEventListener("keydown", (event) => {
    const form = event.target.closest?.(".console form[data-command]");
    if (!form || event.target.tagName !== "SELECT" || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    if (event.key === "Enter" && !form.reportValidity()) return;
    form.closest(".console-main").focus({ preventScroll: true });
    if (event.key === "Enter") form.requestSubmit(form.querySelector("button"));
    else form.reset();
  });

  document.addEventListener("hall-drawn", () => {
    keepFocus();
    count();
    listen();
  });
  listen();
  setInterval(count, 250);
});
