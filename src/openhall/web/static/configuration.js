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
  function change(changes) {
    unkept += 1;
    tell(bar.dataset.keeping);
    const turn = waiting.then(async () => {
      const result = await send(`${base}/changes`, { seen: revision, changes });
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
      // Of a year that is being typed the first digits make a date too.
      if (element.type === "date" && element.value && element.value < "1900") return;
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
      await move(control, Number(control.dataset.move));
    } else if (control.dataset.download) {
      await download(control);
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

  // --- order ------------------------------------------------------------------------------------------

  const lists = () => Array.from(document.querySelectorAll("[data-items]"));
  const itemsOf = (list) => Array.from(list.children).filter((each) => each.hasAttribute("data-item"));

  // The page is built anew after a move; whoever moves by keyboard goes on where the item is now.
  async function move(control, by) {
    const item = control.closest("[data-item]");
    const list = item.parentElement;
    const to = { list: lists().indexOf(list), item: itemsOf(list).indexOf(item) + by, by };
    if (!(await change([{ type: "move", ...placeOf(control), by }]))) return;
    sessionStorage.setItem("openhall-moved", JSON.stringify(to));
    location.reload();
  }

  function goOnMoving() {
    const kept = sessionStorage.getItem("openhall-moved");
    sessionStorage.removeItem("openhall-moved");
    if (!kept) return;
    const to = JSON.parse(kept);
    const list = lists()[to.list];
    const item = list && itemsOf(list)[to.item];
    if (!item) return;
    for (let at = item.parentElement; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    const buttons = Array.from(item.querySelectorAll("[data-move]")).filter((each) => each.closest("[data-item]") === item && !each.disabled);
    const same = buttons.find((each) => Number(each.dataset.move) === to.by) || buttons[0];
    same?.focus();
    tell(bar.dataset.moved.replace("#", to.item + 1));
  }
  if (bar?.hasAttribute("data-open")) goOnMoving();

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
      await lookAtRows(form, event.submitter);
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

  // --- rows from a spreadsheet ------------------------------------------------------------------------

  // Spreadsheets in China save CSV as GBK unless they are asked for UTF-8.
  async function textOf(file) {
    const bytes = await file.arrayBuffer();
    for (const encoding of ["utf-8", "gb18030"]) {
      try {
        return new TextDecoder(encoding, { fatal: true }).decode(bytes);
      } catch {
        // The next one.
      }
    }
    return null;
  }

  for (const input of document.querySelectorAll("[data-take]")) {
    input.addEventListener("change", async () => {
      if (!input.files[0]) return;
      const text = await textOf(input.files[0]);
      if (text === null) return say(JSON.parse(input.form.dataset.words).unreadable, "", true);
      input.form.elements.text.value = text;
    });
  }

  async function download(control) {
    const { rows, branch } = control.form.dataset;
    const response = await fetch(`${base}/rows?${new URLSearchParams({ of: rows, branch })}`, { headers: { Accept: "application/json" } });
    const body = await response.json();
    if (!response.ok) return say(body.title, body.remedy, true);
    control.form.elements.text.value = body.text;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", body.text], { type: "text/csv" }));
    link.download = control.dataset.download;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  const made = (tag, text = "", fields = {}) => Object.assign(document.createElement(tag), { textContent: text, ...fields });

  async function lookAtRows(form, control) {
    const words = JSON.parse(form.dataset.words);
    const shown = form.querySelector("[data-looked]");
    const rows = { type: "rows", list: form.dataset.rows, text: form.elements.text.value, branch: form.dataset.branch };
    control.setAttribute("aria-busy", "true");
    const result = await send(`${base}/rows`, rows);
    control.removeAttribute("aria-busy");
    shown.replaceChildren();
    if (!result.ok) return show(result);
    const { counts, mistakes } = result.body;
    const wrong = result.body.rows.filter((row) => row.mistakes.length).length;
    const summary = made("p");
    for (const [what, count] of [["mistake", wrong], ...Object.entries(counts)]) {
      if (count) summary.append(made("span", `${words[what]} ${count}`, { className: `badge ${what === "mistake" || what === "gone" ? "badge-claim" : ""}` }), " ");
    }
    const told = result.body.rows.filter((row) => row.what !== "same" || row.mistakes.length);
    shown.append(summary);
    if (told.length) shown.append(rowTable(form, words, told));
    if (mistakes.length) {
      const list = made("ul");
      for (const m of mistakes) list.append(made("li", `${m.where}: ${m.words} ${m.remedy}`, { className: "form-error" }));
      shown.append(made("p", words.elsewhere), list);
    }
    if (wrong || mistakes.length) shown.append(made("p", words.kept, { className: "muted" }));
    const take = made("button", words.take, { type: "button", className: "primary" });
    take.addEventListener("click", () => reloadAfter(change([rows])), { once: true });
    shown.append(take);
    take.scrollIntoView({ block: "nearest" });
  }

  function rowTable(form, words, rows) {
    const frame = made("div", "", { className: "table-wide", tabIndex: 0, role: "region", ariaLabel: words.what });
    const table = made("table", "", { className: "table" });
    const head = table.createTHead().insertRow();
    for (const name of ["line", "what", "which", "cells"]) head.append(made("th", words[name], { scope: "col" }));
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      line.insertCell().textContent = row.line || "–";
      line.insertCell().append(made("span", words[row.what], { className: `badge ${row.what === "gone" ? "badge-claim" : ""}` }));
      line.insertCell().append(made("b", row.name || row.id), made("small", [" ", row.name && row.id, form.dataset.branch ? "" : row.branch].filter(Boolean).join(" ")));
      const cells = line.insertCell();
      for (const m of row.mistakes) cells.append(made("span", `${m.where}: ${m.words} ${m.remedy}`, { className: "form-error" }));
      for (const cell of row.cells) {
        const said = row.what === "new" ? cell.after : `${cell.before || "–"} → ${cell.after || "–"}`;
        const part = made("span", "", { className: "configuration-cell" });
        part.append(made("span", `${cell.label} `, { className: "muted" }), said);
        cells.append(part);
      }
    }
    frame.append(table);
    return frame;
  }

  // --- a typical day before and after ---------------------------------------------------------------

  async function simulate(form, control) {
    const words = JSON.parse(form.dataset.words);
    const shown = document.querySelector("[data-simulated]");
    control.setAttribute("aria-busy", "true");
    shown.textContent = words.computing;
    const query = new URLSearchParams({ branch: form.elements.branch.value });
    if (form.elements.on.value) query.set("on", form.elements.on.value);
    const response = await fetch(`${form.dataset.simulate}?${query}`, { headers: { Accept: "application/json" } });
    const body = await response.json();
    control.removeAttribute("aria-busy");
    shown.replaceChildren();
    if (!response.ok) return say(body.title, body.remedy, true);
    const { days_learned: days, learned_from: first, learned_to: last } = body;
    const rests = days ? words.learned.replace("{n}", days).replace("{first}", first).replace("{last}", last) : words.assumed;
    shown.append(made("p", rests), dayTable(words, body), classTable(words, JSON.parse(form.dataset.classes), body));
  }

  function tableOf(heads) {
    const table = made("table", "", { className: "table" });
    const row = table.createTHead().insertRow();
    for (const words of heads) row.append(made("th", words, { scope: "col" }));
    return [table, table.createTBody()];
  }

  function dayTable(words, { day, before, after }) {
    const keys = ["customers", "left_share", "late_share", "overtime_minutes"];
    const [table, rows] = tableOf(keys.map((key) => words[key]));
    table.prepend(made("caption", words.caption.replace("{day}", day)));
    const row = rows.insertRow();
    for (const key of keys) row.insertCell().textContent = `${told(words, key, before)} → ${told(words, key, after)}`;
    return table;
  }

  function classTable(words, names, { before, after }) {
    const keys = ["wait_mean", "wait_p90", "wait_longest", "late_share"];
    const [table, rows] = tableOf(["class", ...keys].map((key) => words[key]));
    for (const now of after.classes) {
      const was = before.classes.find((each) => each.class_code === now.class_code);
      const row = rows.insertRow();
      row.append(made("th", names[now.class_code] || now.class_code, { scope: "row" }));
      for (const key of keys) row.insertCell().textContent = `${told(words, key, was)} → ${told(words, key, now)}`;
    }
    return table;
  }

  function told(words, key, values) {
    const value = values?.[key];
    if (value === null || value === undefined) return "–";
    if (key.endsWith("_share")) return `${(value * 100).toFixed(1)} %`;
    return key === "customers" ? String(Math.round(value)) : words.minutes.replace("{n}", value);
  }
});
