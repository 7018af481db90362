// The lobby: a new customer's triage and number, and what can be offered on it.
"use strict";

(() => {
  const { command } = window.openhall;
  let triaged = null;

  async function triage(form, control) {
    const need = form.elements.need;
    const option = need.options[need.selectedIndex];
    const visit = form.elements.visit?.value.trim();
    const amount = form.elements.amount.value.replace(/[, ]/g, "");
    const asked = {
      need: need.value,
      is_documents_ready: form.elements.is_documents_ready.checked,
      has_card: form.elements.has_card.checked,
      visit_id: visit ? `v${visit}` : "",
    };
    if (amount) asked.amount_minor = Math.round(Number(amount) * 100);
    // When only the number was refused, the customer is not triaged a second time.
    const question = JSON.stringify(asked);
    const heard = triaged?.question === question ? triaged.heard : await command("RecordTriage", asked, "", control);
    if (!heard) return;
    triaged = { question, heard };
    const override = form.elements.override_reason?.value;
    const handling = Array.from(form.querySelectorAll('[name="handling"]:checked'), (box) => box.value);
    const issued = await command(
      "IssueTicket",
      {
        service_id: option.dataset.service,
        need: need.value,
        class_code: form.elements.class_code.value,
        class_basis: "staff",
        handling,
        visit_id: asked.visit_id,
        ...(override ? { override_reason: override } : {}),
      },
      "",
      control,
    );
    if (!issued) return;
    triaged = null;
    const ticket = issued.events.find((happened) => happened.number);
    showResult(form, ticket, heard.events[0].offers || []);
    form.reset();
    form.querySelector("[data-visit-field]").hidden = !form.elements.visit.required;
  }

  // Somebody of the list at the door: their entry number goes into the form, in whatever regime it is.
  function takeVisit(number) {
    const form = document.querySelector("[data-triage]");
    form.querySelector("[data-visit-field]").hidden = false;
    form.elements.visit.value = number;
    form.scrollIntoView({ block: "nearest" });
    form.elements.need.focus();
  }

  // The number just given stays in sight until the next one, with what can be offered on it.
  function showResult(form, ticket, ids) {
    const rules = JSON.parse(form.querySelector("[data-rules]").textContent);
    const box = document.querySelector("[data-result]");
    box.hidden = false;
    box.querySelector("[data-result-number]").textContent = ticket.number;
    Object.assign(box.dataset, { ticket: ticket.ticket_id, need: form.elements.need.value, offers: JSON.stringify(ids) });
    const offers = box.querySelector("[data-result-offers]");
    offers.hidden = ids.length === 0;
    offers.querySelector("ul").replaceChildren(
      ...ids.map((id) => {
        const item = document.createElement("li");
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = rules[id].label;
        button.dataset.command = "OfferDiversion";
        button.dataset.then = "offered";
        button.dataset.fields = JSON.stringify({ ticket_id: ticket.ticket_id, channel: rules[id].channel });
        item.append(rules[id].says, button);
        return item;
      }),
    );
    box.focus();
    box.scrollIntoView({ block: "nearest" });
  }

  // An offer is made once; what becomes of it is in the list beside.
  window.openhall.afterwards.offered = (_, control) => {
    control.disabled = true;
    control.append(" ✓");
  };

  document.addEventListener("submit", (event) => {
    if (!event.target.hasAttribute("data-triage")) return;
    event.preventDefault();
    triage(event.target, event.submitter);
  });
  document.addEventListener("click", (event) => {
    const control = event.target.closest("[data-clear-result]");
    if (control) control.closest("[data-result]").hidden = true;
    const chosen = event.target.closest("[data-take-visit]");
    if (chosen) takeVisit(chosen.dataset.takeVisit);
  });
})();
