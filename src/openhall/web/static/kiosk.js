// The ticket machine, and the guides on it: the keypad, reading aloud, and nobody's half-made choice for the next one.
"use strict";

(() => {
  const body = document.body;
  if (!body.dataset.start) return; // a guide on somebody's own phone
  const TICKET_MS = 60000; // a number already given goes from the screen by itself
  const ELDER_FACTOR = 2; // who reads slowly has twice the time
  const ASK_MS = 120000;
  const ALOUD = "openhall-aloud";
  const isElder = document.documentElement.classList.contains("elder");
  const stepOf = () => document.querySelector("[data-step]")?.dataset.step || "service";

  document.addEventListener("click", (event) => {
    const speak = event.target.closest("[data-speak]");
    // Once it was asked for, every further step of this visit is read out too.
    if (speak) sessionStorage.setItem(ALOUD, speak.getAttribute("aria-pressed") === "true" ? "yes" : "");
    const key = event.target.closest("[data-keypad] [data-digit]");
    if (!key) return;
    const form = key.closest("[data-keypad]");
    const shown = form.querySelector("output");
    if (key.dataset.digit === "clear") shown.textContent = "";
    else if (shown.textContent.length < Number(form.dataset.keypad)) shown.textContent += key.dataset.digit;
    const typed = shown.textContent ? (form.dataset.prefix ?? "") + shown.textContent : "";
    form.querySelector('[name="visit"], [name="code"]').value = typed;
  });

  function leave() {
    sessionStorage.removeItem(ALOUD);
    location.href = body.dataset.start;
  }

  const dialog = document.getElementById("still");
  let touched = performance.now();
  for (const kind of ["pointerdown", "keydown", "scroll"]) addEventListener(kind, () => (touched = performance.now()), true);
  setInterval(() => {
    const idleMs = (performance.now() - touched) / (isElder ? ELDER_FACTOR : 1);
    const step = stepOf();
    if (step === "ticket") {
      if (idleMs > TICKET_MS) leave();
    } else if (step === "service") {
      // Nothing is chosen yet, but the last person's large type or page is still there.
      if (idleMs > ASK_MS && (isElder || location.search)) leave();
    } else if (idleMs > ASK_MS && !dialog.open) {
      // A choice half made is only asked about: it stays until somebody answers.
      dialog.showModal();
      if (isElder) window.openhall.speak?.("#still");
    }
  }, 1000);
  dialog.querySelector("[data-start-again]").addEventListener("click", leave);

  document.addEventListener("DOMContentLoaded", () => {
    if (isElder && sessionStorage.getItem(ALOUD)) window.openhall.speak?.("[data-read]");
  });
})();
