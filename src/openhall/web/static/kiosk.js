// The ticket machine: the keypad, larger type, and nobody's half-made choice for the next one.
"use strict";

(() => {
  const body = document.body;

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-larger]")) return setLarge(!document.documentElement.classList.contains("large"));
    const key = event.target.closest("[data-digit]");
    if (!key) return;
    const form = key.closest("[data-keypad]");
    const shown = form.querySelector("output");
    if (key.dataset.digit === "clear") shown.textContent = "";
    else if (shown.textContent.length < 5) shown.textContent += key.dataset.digit;
    form.querySelector('[name="visit"]').value = shown.textContent ? `v${shown.textContent}` : "";
  });

  function setLarge(isLarge) {
    document.documentElement.classList.toggle("large", isLarge);
    document.querySelector("[data-larger]")?.setAttribute("aria-pressed", String(isLarge));
    sessionStorage.setItem("openhall-large", isLarge ? "yes" : "");
  }
  if (body.classList.contains("kiosk")) {
    setLarge(sessionStorage.getItem("openhall-large") === "yes");
    let touched = performance.now();
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (touched = performance.now()));
    const dialog = document.getElementById("still");
    setInterval(() => {
      const step = document.querySelector("[data-step]")?.dataset.step || "service";
      const idleMs = performance.now() - touched;
      // A number already given goes from the screen by itself; a choice half made is only asked about.
      if (step === "ticket" && idleMs > 60000) leave();
      else if (step !== "service" && step !== "ticket" && idleMs > 120000 && !dialog.open) dialog.showModal();
    }, 1000);
    const leave = () => {
      setLarge(false);
      location.href = body.dataset.home;
    };
    dialog.querySelector("[data-start-again]").addEventListener("click", leave);
  }
})();
