// Approvals, one's own account, and the accounts that somebody looks after.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const { send, say, ask } = window.openhall;

  // What was said outlives the page that is drawn anew by it.
  const SAID = "openhall-said";
  const before = sessionStorage.getItem(SAID);
  if (before) {
    sessionStorage.removeItem(SAID);
    say(before, "", false);
  }
  function reload(words) {
    if (words) sessionStorage.setItem(SAID, words);
    location.reload();
  }

  function showError(form, problem) {
    const error = form?.querySelector(".form-error");
    if (!error) return say(problem.title, problem.remedy, true);
    error.hidden = false;
    error.textContent = `${problem.title} ${problem.remedy}`;
  }

  async function doing(control, work) {
    if (control?.hasAttribute("aria-busy")) return;
    control?.setAttribute("aria-busy", "true");
    await work();
    control?.removeAttribute("aria-busy");
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.decide) {
      event.preventDefault();
      doing(event.submitter, async () => {
        const is_approved = event.submitter.value === "yes";
        const result = await send(form.dataset.decide, { is_approved, reason: form.elements.reason.value });
        if (result.ok) return reload(form.dataset.said);
        showError(form, result.body);
        if (!is_approved) form.elements.reason.focus();
      });
    } else if (form.dataset.postForm) {
      event.preventDefault();
      doing(event.submitter, async () => {
        if (form.dataset.confirm && !(await ask(form.dataset.confirm))) return;
        const again = form.elements.again;
        if (again && again.value !== form.elements.new.value) {
          return showError(form, { title: again.dataset.same, remedy: "" });
        }
        const fields = { ...JSON.parse(form.dataset.fields || "{}"), ...Object.fromEntries(new FormData(form)) };
        for (const name of ["again", "username"]) delete fields[name];
        const result = await send(form.dataset.postForm, fields);
        if (result.ok) await after(form, result.body);
        else showError(form, result.body);
      });
    }
  });

  document.addEventListener("click", (event) => {
    const control = event.target.closest("[data-post], [data-end-session]");
    if (!control) return;
    doing(control, async () => {
      if (control.dataset.confirm && !(await ask(control.dataset.confirm))) return;
      const path = control.dataset.endSession || control.dataset.post;
      const method = control.dataset.endSession ? "DELETE" : "POST";
      const result = await send(path, JSON.parse(control.dataset.fields || "{}"), { method });
      if (result.ok) await after(control, result.body);
      else say(result.body.title, result.body.remedy, true);
    });
  });

  // An initial password is shown this once: the page waits until somebody says that it is noted.
  async function after(control, body) {
    const dialog = document.getElementById("initial");
    if (dialog && (body.password || body.proposal)) {
      dialog.querySelector("[data-password-part]").hidden = !body.password;
      dialog.querySelector("[data-password]").textContent = body.password || "";
      dialog.querySelector("[data-name]").textContent = body.account?.name || control.dataset.name || control.elements?.name?.value || "";
      dialog.querySelector("[data-proposal-part]").hidden = !body.proposal;
      dialog.showModal();
      await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
      return reload("");
    }
    reload(control.dataset.said || "");
  }

  // A branch is asked for where the role belongs to one.
  for (const form of document.querySelectorAll("[data-account-form]")) {
    const role = form.elements.role;
    const fit = () => {
      const isHead = role.selectedOptions[0]?.dataset.head !== undefined;
      const part = form.querySelector("[data-branch-part]");
      part.hidden = isHead;
      part.querySelector("select").disabled = isHead;
      const note = form.querySelector("[data-raised-note]");
      if (note) note.hidden = role.selectedOptions[0]?.dataset.raised === undefined;
    };
    role.addEventListener("change", fit);
    fit();
  }
});
