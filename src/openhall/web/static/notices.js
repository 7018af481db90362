// On the sheet of a ticket: a colleague asks for messages on behalf of a customer.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const { send, say } = window.openhall;

  function told(result, control) {
    if (!result.ok) return say(result.body.title, result.body.remedy, true);
    control.closest("dialog")?.close();
    say(control.dataset.done, "", false);
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.notice) return;
    event.preventDefault();
    const given = Object.fromEntries(new FormData(form));
    told(await send(form.dataset.notice, { ...given, ahead: Number(given.ahead) }), form);
  });

  document.addEventListener("click", async (event) => {
    const control = event.target.closest("[data-notice-cancel]");
    if (control) told(await send(control.dataset.noticeCancel, {}, { method: "DELETE" }), control);
  });
});
