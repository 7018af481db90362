// All that can be done with one ticket, on a sheet over the page; and what is sealed, with a reason to look at it.
"use strict";

(() => {
  const { send, say, ask, branchPath, toSignIn } = window.openhall;

  async function showSheet(path) {
    const sheet = document.getElementById("sheet");
    const response = await fetch(path, { headers: { Accept: "text/html", "HX-Request": "true" } });
    if (response.status === 401) return toSignIn();
    if (!response.ok) {
      const problem = await response.json();
      say(problem.title, problem.remedy, true);
      return false;
    }
    sheet.querySelector("[data-sheet-body]").innerHTML = await response.text();
    if (!sheet.open) sheet.showModal();
    return true;
  }

  // --- sealed records -----------------------------------------------------------------------------

  async function look(form, control) {
    const reason = new URLSearchParams({ reason: form.elements.reason.value });
    const path = branchPath(`personal/${form.dataset.look}?${reason}`);
    const isErasing = control.value === "erase";
    if (isErasing && !(await ask(form.dataset.confirm))) return;
    const result = await send(path, {}, { method: isErasing ? "DELETE" : "GET" });
    if (!result.ok) return void say(result.body.title, result.body.remedy, true);
    const shown = form.querySelector("[data-shown]");
    if (isErasing) {
      form.replaceChildren(Object.assign(document.createElement("p"), { textContent: form.dataset.erased }));
      return;
    }
    shown.hidden = false;
    shown.replaceChildren(
      ...Object.values(result.body.data).map((text) => Object.assign(document.createElement("p"), { textContent: text })),
    );
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.hasAttribute("data-find")) {
      event.preventDefault();
      const number = form.elements.number.value.trim();
      if (number && (await showSheet(`${form.dataset.find}/${encodeURIComponent(number)}`))) form.reset();
    } else if (form.hasAttribute("data-look")) {
      event.preventDefault();
      look(form, event.submitter);
    }
  });
  document.addEventListener("click", (event) => {
    const control = event.target.closest("[data-sheet]");
    if (control) showSheet(control.dataset.sheet);
  });
})();
