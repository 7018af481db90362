// A device that nobody touches says every few seconds that it is there, and does what the Devices page asks.
// A screen tells more about itself in `openhall.device`: { tell() -> fields, test(test), told(answer) }.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const BEAT_MS = 4000;
  if (!document.body.dataset.device) return;
  const done = new Set(JSON.parse(sessionStorage.getItem("tests") || "[]"));

  async function beat() {
    const own = window.openhall.device || {};
    try {
      const answer = await fetch("/api/device/beat", {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify(own.tell ? await own.tell() : {}),
        signal: AbortSignal.timeout(BEAT_MS),
      });
      if (answer.status === 401 || answer.status === 404) return void (location.href = "/pair");
      if (answer.ok) hear(await answer.json(), own);
    } catch {
      // The page itself says when the line is cut; the next beat tries again.
    }
    setTimeout(beat, BEAT_MS);
  }

  function hear(told, own) {
    own.told?.(told);
    for (const test of told.tests) {
      if (done.has(test.id)) continue;
      done.add(test.id);
      sessionStorage.setItem("tests", JSON.stringify([...done].slice(-20)));
      own.test?.(test);
    }
  }

  beat();
});
