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
        body: JSON.stringify({ position: window.openhall.position(), ...(await own.tell?.()) }),
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

  // A ticket machine says what became of the paper: the number counts either way.
  const LATE_MS = 6000; // nobody stands before a machine for a paper that does not come
  const asked = new Map();
  let seen = { id: "", at: 0 };
  async function lookAtPrint() {
    const place = document.querySelector("[data-print-state]");
    if (!place) return;
    const id = place.dataset.printState;
    if (seen.id !== id) seen = { id, at: performance.now() };
    if (!["printed", "failed"].includes(asked.get(id))) {
      const answer = await fetch(window.openhall.branchPath(`print/${id}`)).then((r) => r.json()).catch(() => null);
      if (answer) asked.set(id, answer.state);
    }
    const isLate = asked.get(id) === "waiting" && performance.now() - seen.at > LATE_MS;
    const text = place.dataset[isLate ? "late" : asked.get(id)];
    if (text && place.textContent !== text) place.textContent = text;
  }
  document.addEventListener("hall-drawn", lookAtPrint);
  setInterval(lookAtPrint, 1000);

  beat();
});
