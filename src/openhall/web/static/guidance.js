// The lobby's printer and voice: a number once more, and what was told at triage, on paper and aloud.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const LOOKS = 20;
  const LOOK_MS = 1500;
  const { send, say, branchPath } = window.openhall;
  const words = document.querySelector("[data-print-words]")?.dataset;

  async function print(fields, control) {
    if (control.hasAttribute("aria-busy")) return;
    control.setAttribute("aria-busy", "true");
    const put = await send(branchPath("print"), fields);
    if (put.ok) await follow(put.body);
    else say(put.body.title, put.body.remedy, true);
    control.removeAttribute("aria-busy");
  }

  async function follow(job) {
    for (let look = 0; look < LOOKS; look++) {
      const answer = await fetch(branchPath(`print/${job.key}`)).then((r) => r.json()).catch(() => null);
      if (answer?.state === "printed") return say(words.printed.replace("{printer}", job.printer), "", false);
      if (answer?.state === "failed") break;
      await new Promise((done) => setTimeout(done, LOOK_MS));
    }
    say(words.failed.replace("{printer}", job.printer), words.failedRemedy, true);
  }

  document.addEventListener("click", async (event) => {
    const control = event.target.closest("[data-print], [data-say-guidance]");
    if (!control) return;
    const { ticket = "", need = "", offers = "[]" } = (control.closest("[data-result]") || control).dataset;
    const chosen = JSON.parse(offers);
    if (control.dataset.print === "guidance") return print({ what: "guidance", ticket, need, offers: chosen }, control);
    if (control.dataset.print === "ticket") return print({ what: "ticket", ticket }, control);
    const guidance = JSON.parse(document.querySelector("[data-guidance]").textContent);
    const said = [...(guidance.needs[need] || []), ...chosen.flatMap((id) => guidance.offers[id] || [])];
    const how = await window.openhall.speak(said);
    if (how === "none" || how === "blocked") say(words.silent, "", true);
  });
});
