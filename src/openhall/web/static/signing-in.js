// Signing in step by step, and setting up one-time codes (there and under "My account").
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const { send } = window.openhall;

  function target() {
    const to = new URLSearchParams(location.search).get("to") || "/";
    return /^\/(?![/\\])/.test(to) ? to : "/";
  }

  // The next step is drawn by the server, which knows what is left to do.
  const goOn = (step) => (step ? location.reload() : location.assign(target()));

  function showError(form, words) {
    const error = form.querySelector(".form-error");
    error.hidden = false;
    error.textContent = words;
  }

  // A page that is loaded again is not always given the focus that it asks for.
  document.querySelector("[data-sign-in] [autofocus]")?.focus();

  for (const form of document.querySelectorAll("[data-sign-in]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const again = form.elements.again;
      if (again && again.value !== form.elements.password.value) return showError(form, again.dataset.same);
      const fields = Object.fromEntries(new FormData(form));
      delete fields.again;
      delete fields.username;
      const result = await send(form.dataset.signIn, fields);
      if (result.ok) return goOn(result.body.step);
      // The time for this step is over: the server shows where to begin.
      if (result.body.code === "step_over") return location.reload();
      showError(form, `${result.body.title} ${result.body.remedy}`);
      (form.elements.code || form.elements.password).select();
    });
  }

  document.querySelector("[data-begin-again]")?.addEventListener("click", async () => {
    await send("/api/session/step", {}, { method: "DELETE" });
    location.reload();
  });

  // --- one-time codes ---------------------------------------------------------------------------

  const codes = document.querySelector("[data-codes]");
  if (!codes) return;

  async function begin(password) {
    const begun = await send("/api/session/codes", { password });
    if (!begun.ok) return begun;
    const picture = codes.querySelector("[data-picture]");
    picture.querySelector("img").src = begun.body.picture;
    picture.querySelector("[data-secret]").textContent = begun.body.secret.replace(/(.{4})(?=.)/g, "$1 ");
    picture.hidden = false;
    codes.hidden = false;
    codes.querySelector("[name=code]").focus();
    return begun;
  }

  const wish = document.querySelector("[data-begin-codes]");
  wish?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const begun = await begin(wish.elements.password.value);
    if (begun.ok) wish.closest("[data-codes-wish]").hidden = true;
    else showError(wish, `${begun.body.title} ${begun.body.remedy}`);
  });
  if (codes.hasAttribute("data-at-once")) begin("");

  const form = codes.querySelector("[data-confirm-codes]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const done = await send("/api/session/codes/confirmation", { code: form.elements.code.value });
    if (!done.ok) {
      showError(form, `${done.body.title} ${done.body.remedy}`);
      return form.elements.code.select();
    }
    const list = codes.querySelector(".access-recovery");
    list.replaceChildren(
      ...done.body.recovery_codes.map((code) => {
        const line = document.createElement("li");
        line.textContent = code;
        return line;
      }),
    );
    form.hidden = true;
    codes.querySelector(".access-steps").hidden = true;
    codes.querySelector("[data-recovery]").hidden = false;
    const kept = codes.querySelector("[data-kept-codes]");
    kept.focus();
    const step = done.body.session.step;
    kept.addEventListener("click", () => (codes.hasAttribute("data-at-once") ? goOn(step) : location.reload()));
  });
});
