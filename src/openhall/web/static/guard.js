// The door: the slip with the entry number.
"use strict";

(() => {
  window.openhall.afterwards.slip = ([happened]) => {
    const slip = document.getElementById("slip");
    const isAdmitted = happened.is_admitted !== false;
    slip.querySelector('[data-slip="admitted"]').hidden = !isAdmitted;
    slip.querySelector('[data-slip="referred"]').hidden = isAdmitted;
    for (const words of slip.querySelectorAll("[data-slip-place]"))
      words.hidden = (words.dataset.slipPlace === "inside") !== happened.is_inside;
    slip.querySelector("[data-slip-number]").textContent = happened.visit_id.slice(1);
    slip.showModal();
  };
})();
