// Typing a pairing code with a finger or a keyboard, in two groups of four.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("[data-pair]");
  const field = form.elements.code;
  const error = document.getElementById("pair-error");

  const plain = () => field.value.toUpperCase().replace(/[^A-Z0-9]/g, "").slice(0, 8);
  const show = (text) => {
    field.value = text.length > 4 ? `${text.slice(0, 4)}-${text.slice(4)}` : text;
    error.hidden = true;
  };

  field.addEventListener("input", () => show(plain()));
  form.addEventListener("click", (event) => {
    const key = event.target.closest("[data-letter]");
    if (key) show(plain() + key.dataset.letter);
    else if (event.target.closest("[data-letter-back]")) show(plain().slice(0, -1));
  });
  // A link that a person was given may carry the code behind the #, which no server's log sees.
  const given = location.hash.slice(1);
  if (given) {
    field.value = given;
    show(plain());
    history.replaceState(null, "", "/pair");
    setTimeout(() => form.requestSubmit());
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const result = await window.openhall.send("/api/pair", { code: plain() });
    if (result.ok) {
      if (result.body.screen) location.href = result.body.screen;
      return;
    }
    error.textContent = `${result.body.title} ${result.body.remedy}`;
    error.hidden = false;
    field.select();
  });
});
