// Practice without consequences: what is pressed here stays on this screen and is forgotten with it.
"use strict";

(() => {
  const FIGURES_MOST = 6;
  let pressed = "";

  function said(box, text) {
    box.querySelector("[data-practice-said]").textContent = text;
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) return window.print();
    const key = event.target.closest("[data-practise]")?.dataset.practise;
    if (!key) return;
    const box = event.target.closest("[data-practice]");
    const isCode = box.dataset.practice === "code";
    if (key === "done") {
      if (isCode && pressed.length < FIGURES_MOST) said(box, box.dataset.short);
      else if (!isCode && (Number(pressed) === 0 || Number(pressed) % 100)) said(box, box.dataset.hundreds);
      else said(box, box.dataset.done);
      return;
    }
    if (key === "clear") pressed = "";
    else if (pressed.length < FIGURES_MOST) pressed += key;
    said(box, "");
    box.querySelector("output").textContent = isCode ? "●".repeat(pressed.length) : pressed;
  });
})();
