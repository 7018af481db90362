// A customer's own page: says when it has heard nothing for a while, so that nobody trusts an old number.
"use strict";

(() => {
  const SILENT_MS = 35000; // three turns of ten seconds, and a little for the way
  const body = document.body;
  const title = document.title;
  let heardAt = performance.now();
  let shown = document.querySelector(".phone-time")?.textContent ?? "";
  document.addEventListener("hall-drawn", () => {
    heardAt = performance.now();
    shown = document.querySelector(".phone-time")?.textContent ?? "";
    document.getElementById("lost").hidden = true;
    // The call is on the tab too: a phone often shows something else meanwhile.
    document.title = document.querySelector(".phone-now")?.textContent || title;
  });
  setInterval(() => {
    const lost = document.getElementById("lost");
    if (performance.now() - heardAt <= SILENT_MS || !lost.hidden) return;
    lost.textContent = body.dataset.lost.replace("{time}", shown.match(/\d+:\d+/)?.[0] ?? "");
    lost.hidden = false;
  }, 1000);
})();
