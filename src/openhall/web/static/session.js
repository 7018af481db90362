// How long somebody stays signed in: asks before a screen that nobody uses closes, and lets them in again on the
// very page, so that nothing typed is lost.
"use strict";

(() => {
  const ASK_BEFORE_MS = 120000;
  const PING_MS = 60000;
  const LOOK_MS_MIN = 1000;
  const LOOK_MS_MAX = 300000;
  const ends = () => document.getElementById("session-ends");
  const again = () => document.getElementById("session-again");
  let pingedAt = 0;
  let timer = null;
  let entering = null;
  let isExternal = false;

  // Past openhall.js: its way of asking signs in again by itself, and repeats what failed.
  async function ask(path, { method = "GET", fields } = {}) {
    const headers = { Accept: "application/json", "Content-Type": "application/json" };
    const response = await fetch(path, { method, headers, body: fields && JSON.stringify(fields) });
    const text = await response.text();
    return { ok: response.ok, status: response.status, body: text ? JSON.parse(text) : {} };
  }

  const lookAgain = (ms) => {
    clearTimeout(timer);
    timer = setTimeout(look, Math.max(LOOK_MS_MIN, Math.min(ms, LOOK_MS_MAX)));
  };

  async function look() {
    if (entering) return;
    try {
      const left = await ask("/api/session/left");
      if (left.status === 401) return void signInAgain();
      if (left.ok) return heed(left.body);
    } catch {
      // The line is cut: the page says so elsewhere.
    }
    lookAgain(PING_MS);
  }

  function heed(left) {
    isExternal = left.is_external;
    if (left.left_ms > ASK_BEFORE_MS) {
      if (ends().open) ends().close();
      return lookAgain(left.left_ms - ASK_BEFORE_MS + 200);
    }
    if (!ends().open && !document.querySelector("dialog[open]")) ends().showModal();
    lookAgain(left.left_ms + 200);
  }

  async function stay() {
    pingedAt = Date.now();
    try {
      const left = await ask("/api/session/activity", { method: "POST" });
      if (left.ok) heed(left.body);
      else if (left.status === 401) signInAgain();
    } catch {
      pingedAt = 0;
    }
  }

  // Reading and typing are work too, though a page sends nothing for them.
  function noteActivity() {
    if (!entering && !ends().open && Date.now() - pingedAt > PING_MS) stay();
  }

  // Resolves when the same person is signed in again; the page behind is covered until then.
  function signInAgain() {
    entering ??= new Promise((resolve) => {
      const dialog = again();
      const form = dialog.querySelector("form");
      const part = (name) => form.querySelector(`[data-part="${name}"]`);
      const error = form.querySelector(".form-error");
      const say = (words) => ((error.textContent = words), (error.hidden = !words));
      const show = (step) => {
        part("password").hidden = step !== "" || isExternal;
        part("code").hidden = step !== "code";
        part("bank").hidden = !isExternal;
        (step === "code" ? form.elements.code : form.elements.password).focus();
      };
      let step = "";
      const done = () => {
        form.reset();
        say("");
        dialog.close();
        entering = null;
        lookAgain(0);
        resolve();
      };
      form.onsubmit = async (event) => {
        event.preventDefault();
        try {
          if (isExternal) {
            const who = await ask("/api/session");
            return who.ok && who.body.name === form.elements.name.value ? done() : undefined;
          }
          const result =
            step === "code"
              ? await ask("/api/session/code", { method: "POST", fields: { code: form.elements.code.value } })
              : await ask("/api/session", {
                  method: "POST",
                  fields: { name: form.elements.name.value, password: form.elements.password.value },
                });
          if (result.ok && !result.body.step) return done();
          if (result.ok && result.body.step !== "code") return void (location.href = "/sign-in");
          step = result.ok ? "code" : result.body.code === "step_over" ? "" : step;
          say(result.ok ? "" : `${result.body.title} ${result.body.remedy}`);
          show(step);
        } catch {
          say(document.body.dataset.failed);
        }
      };
      // Escape would uncover the page.
      dialog.oncancel = (event) => event.preventDefault();
      if (ends().open) ends().close();
      dialog.showModal();
      show("");
    });
    return entering;
  }

  document.addEventListener("DOMContentLoaded", () => {
    window.openhall.signInAgain = signInAgain;
    ends().querySelector("[data-stay]").addEventListener("click", stay);
    ends().addEventListener("cancel", stay);
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, noteActivity, { passive: true });
    look();
  });
})();
