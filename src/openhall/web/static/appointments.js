// The staff's page of appointments: book, move, cancel, on any day; the code stays in sight till it was told.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const { send, say, ask, refreshSoon } = window.openhall;
  const base = `/api/branches/${document.body.dataset.branch}/appointments`;
  const box = document.querySelector("[data-booked]");

  function show(booked, words) {
    box.hidden = false;
    box.querySelector("[data-booked-code]").textContent = `${booked.code.slice(0, 4)}-${booked.code.slice(4)}`;
    box.querySelector("[data-booked-when]").textContent = words;
    const link = box.querySelector("[data-booked-link]");
    link.href = link.textContent = booked.address;
    box.querySelector("[data-booked-address]").hidden = !booked.address;
    box.focus();
  }

  async function carryOut(path, fields, control) {
    if (control?.hasAttribute("aria-busy")) return null;
    control?.setAttribute("aria-busy", "true");
    const result = await send(path, fields);
    control?.removeAttribute("aria-busy");
    refreshSoon(0);
    if (result.ok) return result.body;
    say(result.body.title, result.body.remedy, true);
    return null;
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.hasAttribute("data-book")) {
      event.preventDefault();
      const slot = form.elements.slot;
      const [service_id, at_ms] = slot.value.split("|");
      const fields = { day: form.dataset.day, service_id, at_ms: Number(at_ms) };
      for (const name of ["name", "phone", "channel", "to"]) {
        const typed = form.elements[name]?.value.trim();
        if (typed) fields[name] = typed;
      }
      if (fields.channel) fields.language = form.elements.language.value;
      if (form.elements.consent?.checked) fields.consent = form.elements.consent.value;
      const words = slot.options[slot.selectedIndex].textContent;
      const booked = await carryOut(base, fields, event.submitter);
      if (!booked) return;
      form.reset();
      show(booked, words);
    } else if (form.dataset.move) {
      event.preventDefault();
      const at = form.elements.at_ms;
      const path = `${base}/${form.dataset.day}/${form.dataset.move}/move`;
      const words = `${at.options[at.selectedIndex].textContent} · ${form.dataset.service}`;
      const booked = await carryOut(path, { day: form.dataset.day, at_ms: Number(at.value) }, event.submitter);
      if (booked) show(booked, words);
    }
  });

  document.addEventListener("click", async (event) => {
    const control = event.target.closest("[data-cancel], [data-booked-done]");
    if (!control) return;
    if (control.hasAttribute("data-booked-done")) box.hidden = true;
    else if (await ask(control.dataset.sure)) await carryOut(`${base}/${control.dataset.day}/${control.dataset.cancel}/cancel`, {}, control);
  });
});
