// Forms of the configuration: every field is kept in the draft as soon as it is left, and checked at its place.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const { send, say, ask } = window.openhall;
  const bar = document.querySelector("[data-draft]");
  const base = bar ? `/api/configuration/drafts/${bar.dataset.draft}` : "";
  let revision = Number(bar?.dataset.revision || 0);
  let waiting = Promise.resolve();
  let unkept = 0;

  addEventListener("beforeunload", (event) => {
    if (unkept || document.querySelector("[data-dirty]")) event.preventDefault();
  });

  function show(result) {
    say(result.body.title, result.body.remedy, true);
  }

  // One after the other: each change is made on the revision that the one before it has made.
  function change(changes, path = "changes", fields = null) {
    unkept += 1;
    tell(bar.dataset.keeping);
    const turn = waiting.then(async () => {
      const body = fields ? { seen: revision, ...fields } : { seen: revision, changes };
      const result = await send(`${base}/${path}`, body);
      unkept -= 1;
      if (!result.ok) {
        tell("");
        show(result);
        return null;
      }
      revision = result.body.revision;
      tell(bar.dataset.kept);
      mark(result.body.mistakes);
      return result.body;
    });
    waiting = turn.catch(() => null);
    return turn;
  }

  function tell(words) {
    const place = bar.querySelector("[data-keep-state]");
    if (place) place.textContent = words;
  }

  // Every mistake stands at its field; what stood there before goes.
  function mark(mistakes) {
    const count = bar.querySelector("[data-mistake-count]");
    if (count) count.textContent = mistakes.length ? bar.dataset.some.replace("#", mistakes.length) : bar.dataset.none;
    for (const place of document.querySelectorAll("[data-mistakes]")) {
      const { forFile, forPath, forLine } = place.dataset;
      const own = mistakes.filter(
        (m) => m.file === forFile && String(m.line ?? "") === forLine && isWithin(m.path, forPath),
      );
      place.replaceChildren(
        ...own.map((m) => Object.assign(document.createElement("span"), { className: "form-error", textContent: `${m.words} ${m.remedy}` })),
      );
      const control = document.getElementById(place.id.replace(/-wrong$/, ""));
      if (own.length) control?.setAttribute("aria-invalid", "true");
      else control?.removeAttribute("aria-invalid");
    }
  }

  function isWithin(path, field) {
    const rest = path.slice(field.length);
    return path.startsWith(field) && (rest === "" || /^[.[]/.test(rest) || /^_(en|zh)$/.test(rest));
  }

  const placeOf = (element) => ({
    file: element.dataset.file,
    path: element.dataset.path,
    ...(element.dataset.line ? { line: Number(element.dataset.line) } : {}),
  });

  function valueOf(element) {
    const kind = element.dataset.config;
    if (kind === "truth") return element.checked;
    if (kind === "boxes") return Array.from(element.querySelectorAll("input:checked"), (box) => box.value);
    if (kind === "week") return weekOf(element);
    if (kind === "pairs") return pairsOf(element);
    const text = element.value.trim();
    if (kind === "words") return text ? text.split(/\s+/) : [];
    return text === "" ? null : text;
  }

  // Days with the same hours in a row are written as one: mon-fri 09:00-17:00.
  function weekOf(element) {
    const days = Array.from(element.children, (row) => {
      const [opens, closes] = row.querySelectorAll("input");
      return [opens.dataset.day, opens.value || closes.value ? `${opens.value}-${closes.value}` : ""];
    });
    const found = [];
    for (const [day, hours] of days) {
      const last = found.at(-1);
      if (last && last.hours === hours) last.to = day;
      else found.push({ from: day, to: day, hours });
    }
    return found
      .filter((run) => run.hours)
      .map((run) => `${run.from === run.to ? run.from : `${run.from}-${run.to}`} ${run.hours}`)
      .join("; ");
  }

  function pairsOf(element) {
    const both = element.closest(".configuration-field").querySelectorAll("textarea");
    const lines = Array.from(both, (area) => area.value.split("\n").map((line) => line.trim()));
    const count = Math.max(...lines.map((each) => each.length));
    const found = [];
    for (let n = 0; n < count; n++) if (lines[0][n] || lines[1][n]) found.push({ zh: lines[0][n] || "", en: lines[1][n] || "" });
    return found;
  }

  if (bar?.hasAttribute("data-open")) {
    document.addEventListener("input", (event) => {
      const element = event.target.closest("[data-config]");
      if (element) element.setAttribute("data-dirty", "");
      bound(event.target);
    });
    document.addEventListener("change", async (event) => {
      const element = event.target.closest("[data-config]");
      if (!element) return;
      // Of a day's two times the second is still to come.
      if (element.dataset.config === "week") {
        const [opens, closes] = event.target.parentElement.querySelectorAll("input");
        if (Boolean(opens.value) !== Boolean(closes.value)) return;
      }
      element.removeAttribute("data-dirty");
      await change([{ type: "set", ...placeOf(element), value: valueOf(element) }]);
    });
  }

  function bound(input) {
    const place = document.querySelector(`[data-of="${CSS.escape(input.id || "-")}"]`);
    if (place) place.textContent = /^\d+$/.test(input.value) ? place.dataset.words.replace("#", input.value) : "";
  }
  for (const place of document.querySelectorAll("[data-of]")) {
    const input = document.getElementById(place.dataset.of);
    if (input) bound(input);
  }

  // A link from a mistake leads to its field, also inside something folded.
  function unfold() {
    const element = location.hash ? document.getElementById(location.hash.slice(1)) : null;
    for (let at = element; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    element?.scrollIntoView({ block: "center" });
    element?.focus?.();
  }
  addEventListener("hashchange", unfold);
  unfold();

  document.addEventListener("click", async (event) => {
    const control = event.target.closest("button");
    if (!control || control.hasAttribute("aria-busy")) return;
    if (control.hasAttribute("data-remove")) {
      if (await ask(control.dataset.confirm)) await reloadAfter(change([{ type: "remove", ...placeOf(control) }]));
    } else if (control.dataset.move) {
      await reloadAfter(change([{ type: "move", ...placeOf(control), by: Number(control.dataset.move) }]));
    } else if (control.dataset.draftPost) {
      await finish(send(`${base}/${control.dataset.draftPost}`, { seen: revision }), control);
    } else if (control.hasAttribute("data-drop")) {
      if (!(await ask(control.dataset.confirm))) return;
      const result = await send(base, {}, { method: "DELETE" });
      if (result.ok) location.href = control.dataset.home;
      else show(result);
    } else if (control.dataset.post) {
      if (control.dataset.confirm && !(await ask(control.dataset.confirm))) return;
      await finish(send(control.dataset.post, {}), control);
    }
  });

  async function reloadAfter(work) {
    if (await work) location.reload();
  }

  async function finish(work, control) {
    control?.setAttribute("aria-busy", "true");
    const result = await work;
    control?.removeAttribute("aria-busy");
    if (result.ok) location.reload();
    else show(result);
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.hasAttribute("data-begin")) {
      event.preventDefault();
      const result = await send("/api/configuration/drafts", { name: form.elements.name.value, branch: form.dataset.branch });
      if (!result.ok) return show(result);
      const url = new URL(location.href);
      url.searchParams.set("draft", result.body.id);
      location.href = url.href;
    } else if (form.hasAttribute("data-add")) {
      event.preventDefault();
      const { file, path } = form.dataset;
      await reloadAfter(change([{ type: "add", file, path, values: valuesOf(form) }]));
    } else if (form.dataset.put) {
      event.preventDefault();
      await reloadAfter(change([{ type: "file", file: form.dataset.put, text: form.elements.text.value }]));
    } else if (form.dataset.rows) {
      event.preventDefault();
      if (!(await ask(form.dataset.confirm))) return;
      await reloadAfter(change(null, "rows", { list: form.dataset.rows, text: form.elements.text.value }));
    } else if (form.hasAttribute("data-propose")) {
      event.preventDefault();
      if (form.dataset.confirm && !(await ask(form.dataset.confirm))) return;
      await finish(send(`${base}/proposal`, { seen: revision, reason: form.elements.reason.value }), event.submitter);
    } else if (form.dataset.restore) {
      event.preventDefault();
      const result = await send(form.dataset.restore, { name: form.dataset.name });
      if (result.ok) location.href = `/head/configuration/drafts/${result.body.id}`;
      else show(result);
    } else if (form.dataset.simulate) {
      event.preventDefault();
      simulate(form, event.submitter);
    }
  });

  function valuesOf(form) {
    const values = JSON.parse(form.dataset.fixed || "{}");
    for (const input of form.elements) {
      if (!input.name || input.tagName === "BUTTON") continue;
      const [name, language] = input.name.split(".");
      if (language) (values[name] ??= {})[language] = input.value.trim();
      else if (input.hasAttribute("data-many")) {
        values[name] ??= [];
        if (input.checked) values[name].push(input.value);
      } else if (input.hasAttribute("data-words")) values[name] = input.value.trim() ? input.value.trim().split(/\s+/) : [];
      else values[name] = input.value.trim();
    }
    return values;
  }

  for (const input of document.querySelectorAll("[data-take]")) {
    input.addEventListener("change", async () => {
      if (input.files[0]) input.form.elements.text.value = await input.files[0].text();
    });
  }

  // --- a typical day before and after ---------------------------------------------------------------

  async function simulate(form, control) {
    const shown = document.querySelector("[data-simulated]");
    control.setAttribute("aria-busy", "true");
    shown.textContent = form.dataset.computing;
    const query = new URLSearchParams({ branch: form.elements.branch.value });
    const response = await fetch(`${form.dataset.simulate}?${query}`, { headers: { Accept: "application/json" } });
    const body = await response.json();
    control.removeAttribute("aria-busy");
    shown.replaceChildren();
    if (!response.ok) return say(body.title, body.remedy, true);
    shown.append(tableOf(form, body), Object.assign(document.createElement("p"), { className: "muted", textContent: body.is_assumed ? form.dataset.assumed : form.dataset.learned }));
  }

  function tableOf(form, body) {
    const names = JSON.parse(form.dataset.classes);
    const table = document.createElement("table");
    table.className = "table";
    const head = table.createTHead().insertRow();
    for (const words of JSON.parse(form.dataset.columns)) head.append(Object.assign(document.createElement("th"), { textContent: words, scope: "col" }));
    const rows = table.createTBody();
    for (const after of body.after.classes) {
      const before = body.before.classes.find((each) => each.class_code === after.class_code);
      const row = rows.insertRow();
      row.insertCell().textContent = names[after.class_code] || after.class_code;
      for (const key of ["wait_mean", "wait_p90", "wait_longest"]) row.insertCell().textContent = `${minutes(form, before?.[key])} → ${minutes(form, after[key])}`;
      row.insertCell().textContent = `${percent(before?.late_share)} → ${percent(after.late_share)}`;
    }
    return table;
  }

  const minutes = (form, value) => (value === null || value === undefined ? "–" : form.dataset.minutes.replace("#", value));
  const percent = (value) => (value === null || value === undefined ? "–" : `${(value * 100).toFixed(1)} %`);
});
