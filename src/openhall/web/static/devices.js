// The Devices page: add, pair, set up, try and revoke.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const REFRESH_MS = 3000;
  const { send, say, ask, refreshSoon, branchPath } = window.openhall;
  setInterval(() => refreshSoon(), REFRESH_MS);
  if (!document.body.dataset.branch) return;

  const pathOf = (control, rest = "") => branchPath(`devices/${control.closest("[data-device-id]").dataset.deviceId}${rest}`);

  function settingsOf(part) {
    const settings = {};
    for (const input of part.querySelectorAll("[data-setting]")) {
      if (input.disabled || input.closest("fieldset[disabled]")) continue;
      const name = input.dataset.setting;
      const kind = input.dataset.as;
      if (kind === "list") {
        settings[name] ??= [];
        if (input.checked) settings[name].push(input.value);
      } else if (kind === "words") settings[name] = input.value.split(" ").filter(Boolean);
      else if (kind === "int") settings[name] = Number(input.value);
      else if (kind === "hex") settings[name] = parseInt(input.value || "0", 16);
      else if (kind === "bool") settings[name] = input.checked;
      else settings[name] = input.value.trim();
    }
    return settings;
  }

  function complain(form, body) {
    const error = form.querySelector(".form-error");
    error.textContent = `${body.title} ${body.remedy}`;
    error.hidden = false;
  }

  function showCode(device) {
    if (!device.code) return;
    const dialog = document.getElementById("device-code");
    dialog.querySelector("[data-code]").textContent = device.code;
    dialog.querySelector("[data-address]").textContent = `${location.origin}/pair`;
    dialog.showModal();
  }

  const added = document.querySelector("[data-device-new]");
  function choose() {
    for (const part of added.querySelectorAll("[data-settings]")) {
      part.hidden = part.disabled = part.dataset.settings !== added.elements.kind.value;
    }
  }
  if (added) {
    added.elements.kind.addEventListener("change", choose);
    choose();
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const isNew = form.hasAttribute("data-device-new");
    if (!isNew && !form.hasAttribute("data-device-change")) return;
    event.preventDefault();
    form.querySelector(".form-error").hidden = true;
    const fields = { name: form.elements.name.value.trim(), settings: settingsOf(form) };
    if (isNew) fields.kind = form.elements.kind.value;
    const result = await send(isNew ? branchPath("devices") : pathOf(form, "/change"), fields);
    if (!result.ok) return complain(form, result.body);
    if (isNew) {
      form.reset();
      choose();
    } else form.closest("details").open = false;
    refreshSoon(0);
    showCode(result.body);
  });

  document.addEventListener("click", async (event) => {
    const control = event.target.closest("button");
    if (!control) return;
    let result = null;
    if (control.dataset.deviceTest) result = await send(pathOf(control, "/test"), { what: control.dataset.deviceTest });
    else if (control.hasAttribute("data-device-newcode")) result = await send(pathOf(control, "/code"), {});
    else if (control.hasAttribute("data-device-revoke") && (await ask(control.dataset.confirm))) result = await send(pathOf(control, "/revocation"), {});
    if (!result) return;
    if (!result.ok) return say(result.body.title, result.body.remedy, true);
    showCode(result.body);
    refreshSoon(0);
  });
});
