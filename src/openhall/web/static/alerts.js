// Taking an alert on; sending a message again, or giving it up.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const { send, say, ask, refreshSoon } = window.openhall;

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.acknowledge) return;
    event.preventDefault();
    const branch = form.closest("[data-at]").dataset.at;
    const of = branch ? `/api/branches/${branch}` : "/api";
    const path = `${of}/alerts/${encodeURIComponent(form.dataset.acknowledge)}/acknowledge`;
    const result = await send(path, { action: form.elements.action.value });
    if (!result.ok) say(result.body.title, result.body.remedy, true);
    refreshSoon(0);
  });

  document.addEventListener("click", async (event) => {
    const control = event.target.closest("[data-message]");
    if (!control) return;
    if (control.dataset.confirm && !(await ask(control.dataset.confirm))) return;
    const result = await send(control.dataset.message, {});
    if (result.ok) say(control.dataset.done, "", false);
    else say(result.body.title, result.body.remedy, true);
    refreshSoon(0);
  });
});
