// What the screens do besides showing: send commands, hear events, say when the line is cut.
"use strict";

(() => {
  const body = document.body;
  const SILENT_MS = 4200; // two missed beats of two seconds, and a little for the way
  const REFRESH_MS = 250; // at most four redraws a second, and always one after the last event
  const REFRESH_SHARE = 5; // drawing never takes more than a fifth of the page's time
  const IDLE_REFRESH_MS = 10000; // minutes on the screen grow also when nothing happens
  const ANSWER_MS = 10000;
  const RETRIES = 8;
  const RETRY_PAUSE_MS_MAX = 4000;
  const DOUBLE_MS = 500;
  const DOUBLE_PX = 24;

  // --- commands -----------------------------------------------------------------------------------

  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  }

  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const unanswered = new Map(); // request -> key, so that pressing again after a failure is a retry too

  // The same key with every retry: whatever happened to the first one, the command is carried out once.
  async function send(path, fields, { method = "POST" } = {}) {
    const content = method === "POST" ? JSON.stringify(fields) : undefined;
    const request = `${method} ${path} ${content}`;
    const key = unanswered.get(request) || newKey();
    unanswered.set(request, key);
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await fetch(path, {
          method,
          headers: { "Content-Type": "application/json", "Idempotency-Key": key, Accept: "application/json" },
          body: content,
          signal: AbortSignal.timeout(ANSWER_MS),
        });
        // Trouble at the server says when to come back; a refusal is an answer and is told at once.
        const isTrouble = response.status === 503 && response.headers.has("Retry-After");
        if (!isTrouble || attempt >= RETRIES) {
          if (!isTrouble) unanswered.delete(request);
          if (response.status === 401 && !path.startsWith("/api/session")) {
            await toSignIn();
            continue; // signed in again on this very page: what was asked is asked once more
          }
          const text = await response.text();
          return { ok: response.ok, body: text ? JSON.parse(text) : {}, status: response.status };
        }
      } catch (error) {
        if (attempt >= RETRIES) return { ok: false, body: { title: body.dataset.failed, remedy: "" }, status: 0 };
      }
      if (attempt === 1) say(body.dataset.trying, "", false);
      await pause(Math.min(300 * 2 ** attempt, RETRY_PAUSE_MS_MAX));
    }
  }

  // Where somebody works, the page asks for the password in place and keeps what was typed (see session.js).
  function toSignIn() {
    if (window.openhall.signInAgain) return window.openhall.signInAgain();
    location.href = `/sign-in?to=${encodeURIComponent(location.pathname)}`;
    return new Promise(() => {});
  }

  const branchPath = (rest, branch = body.dataset.branch) => `/api/branches/${branch}/${rest}`;

  // What a page does once a command is carried out, by the name in its `data-then`; else that is an address.
  const afterwards = {};

  async function command(kind, fields, then, control) {
    if (control?.hasAttribute("aria-busy")) return null;
    if (control) control.setAttribute("aria-busy", "true");
    // A list of several branches says at each of its buttons which one is meant.
    const branch = control?.closest("[data-at]")?.dataset.at;
    const result = await send(branchPath(`commands/${kind}`, branch), fields);
    if (control) control.removeAttribute("aria-busy");
    if (!result.ok) {
      if (!showWhatElse(result.body.code)) say(result.body.title, result.body.remedy, true);
      return null;
    }
    hush();
    refreshSoon(0);
    control?.closest("dialog")?.close();
    if (then in afterwards) afterwards[then](result.body.events, control);
    else if (then) location.href = then.replace("{ticket_id}", result.body.events[0].ticket_id);
    return result.body;
  }

  // A page may know more about a refusal than its sentence: a part that it shows then, or a page to go on to.
  function showWhatElse(code) {
    let isGone = false;
    for (const part of document.querySelectorAll(`[data-when-refused~="${code}"]`)) {
      if (part.href) {
        isGone = true;
        location.href = part.href;
      } else {
        part.hidden = false;
        part.querySelector("select")?.focus();
      }
    }
    return isGone;
  }

  function say(title, remedy, isProblem) {
    const said = document.getElementById("said");
    const box = document.createElement("div");
    box.className = isProblem ? "toast toast-problem" : "toast";
    const strong = document.createElement("strong");
    strong.textContent = title;
    box.append(strong);
    if (remedy) box.append(document.createElement("br"), remedy);
    // A modal dialog lies above everything else on the page: what is said then is said inside it.
    const open = document.querySelector("dialog[open]");
    (open || body).append(said);
    said.replaceChildren(box);
    clearTimeout(say.timer);
    say.timer = setTimeout(hush, isProblem ? 12000 : 5000);
  }
  const hush = () => document.getElementById("said").replaceChildren();

  // A question in the page's own language and type, instead of the browser's box.
  function ask(question) {
    const dialog = document.getElementById("ask");
    dialog.querySelector("[data-question]").textContent = question;
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) =>
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }),
    );
  }

  // --- forms --------------------------------------------------------------------------------------

  function timeToMs(value, form) {
    // A time of day in the branch, not in the browser: the page says the day and the branch's offset.
    const [hours, minutes] = value.split(":").map(Number);
    return Date.parse(`${form.dataset.day}T00:00:00Z`) - Number(form.dataset.zoneOffset) + (hours * 60 + minutes) * 60000;
  }

  function fieldsOf(form, submitter) {
    const fields = JSON.parse(form.dataset.fields || "{}");
    for (const input of form.elements) {
      if (!input.name || input.disabled || input.dataset.personal) continue;
      if ((input.type === "radio" || input.type === "checkbox") && !input.checked) continue;
      if (input.tagName === "BUTTON" && input !== submitter) continue;
      if (input.value === "") continue;
      const type = input.dataset.type;
      if (type === "int") fields[input.name] = Number(input.value);
      else if (type === "time") fields[input.name] = timeToMs(input.value, form);
      else if (type === "visit") fields[input.name] = `v${input.value.trim()}`;
      else if (type === "number") fields[input.name] = input.value.trim().toUpperCase();
      else if (type === "list") (fields[input.name] ??= []).push(input.value);
      else if (type === "minutes-ahead") fields[input.name] = Math.round(hallNow() + Number(input.value) * 60000);
      else fields[input.name] = input.value;
    }
    return fields;
  }

  // What is about a person goes to the sealed records; the command carries a reference to it at most.
  async function seal(form, fields) {
    const data = {};
    for (const input of form.querySelectorAll("[data-personal]")) {
      if (input.value.trim()) data[input.dataset.personal] = input.value.trim();
    }
    if (Object.keys(data).length === 0) return { ok: true };
    const consent = form.querySelector("[data-consent]:checked")?.value || "";
    const kept = await send(branchPath("personal"), { kind: form.dataset.seal, data, consent });
    if (!kept.ok) {
      say(kept.body.title, kept.body.remedy, true);
      return { ok: false };
    }
    fields[form.dataset.seal === "contact" ? "contact_ref" : "text_ref"] = kept.body.ref;
    return { ok: true };
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.dataset.command) {
      event.preventDefault();
      if (event.submitter?.hasAttribute("aria-busy")) return;
      if (form.dataset.confirm && !(await ask(form.dataset.confirm))) return;
      const fields = fieldsOf(form, event.submitter);
      const sealed = await seal(form, fields);
      if (!sealed.ok) return;
      const done = await command(form.dataset.command, fields, form.dataset.then, event.submitter);
      if (!done) return;
      form.reset();
      if (form.dataset.said) say(form.dataset.said, "", false);
    }
  });

  // A double click must not press the button that has taken the first one's place in between.
  let clicked = { at: -DOUBLE_MS, x: 0, y: 0 };
  function isSecondOfTwo(event, control) {
    if (event.detail === 0) return false; // by key
    const before = clicked;
    clicked = { at: performance.now(), x: event.clientX, y: event.clientY };
    const isQuick = clicked.at - before.at < DOUBLE_MS && Math.hypot(clicked.x - before.x, clicked.y - before.y) < DOUBLE_PX;
    return isQuick && control.hasAttribute("data-command") && control.bornAt > before.at;
  }

  document.addEventListener("click", async (event) => {
    const control = event.target.closest("button, a");
    if (!control || control.form?.dataset.command) return;
    if (isSecondOfTwo(event, control)) return;
    if (control.dataset.command) {
      if (control.dataset.confirm && !(await ask(control.dataset.confirm))) return;
      const fields = JSON.parse(control.dataset.fields || "{}");
      const care = Array.from(document.querySelectorAll("[data-care]:checked"), (box) => box.value);
      if (care.length) fields.handling = [...(fields.handling || []), ...care];
      await command(control.dataset.command, fields, control.dataset.then, control);
    } else if (control.hasAttribute("data-sign-out")) {
      const out = await send("/api/session", {}, { method: "DELETE" });
      location.href = out.body.to || "/sign-in";
    } else if (control.hasAttribute("data-open-day")) {
      const result = await send(branchPath("day"), {});
      if (result.ok) refreshSoon(0);
      else say(result.body.title, result.body.remedy, true);
    } else if (control.hasAttribute("data-close-dialog")) {
      control.closest("dialog").close();
    } else if (control.dataset.demoSpeed !== undefined) {
      await send("/demo/speed", { speed: Number(control.dataset.demoSpeed) });
      location.reload();
    }
  });

  // A console is worked by keys alone: the letter on the button presses it.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    const focused = document.activeElement;
    if (/^(TEXTAREA|SELECT)$/.test(focused.tagName) || (focused.tagName === "INPUT" && !/^(radio|checkbox)$/.test(focused.type))) return;
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.toUpperCase();
    if (!/^[A-Z]$/.test(key)) return;
    const control = document.querySelector(`[data-key="${key}"]:not([disabled]):not([aria-busy])`);
    if (control) {
      event.preventDefault();
      control.click();
    }
  });

  // --- drawing anew -------------------------------------------------------------------------------

  // The new drawing is laid over the old one, element by element: what did not change is not touched, so a
  // menu stays open, a choice half made stays made, focus stays, and a click meets what was aimed at.
  const KEPT = new Set(["open", "aria-busy"]);
  const nameOf = (node) => (node.nodeType === 1 ? node.id || node.dataset.id || "" : "");

  function morph(old, fresh) {
    if (old.hasAttribute("data-kept") && fresh.hasAttribute("data-kept")) return; // what is typed here stays
    for (const { name } of [...old.attributes]) if (!KEPT.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (!KEPT.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    if (old.tagName !== "TEXTAREA") morphChildren(old, fresh);
  }

  function morphChildren(old, fresh) {
    const wanted = new Set();
    for (const child of fresh.children) if (nameOf(child)) wanted.add(nameOf(child));
    const named = new Map();
    for (const child of [...old.children]) {
      const name = nameOf(child);
      if (!name) continue;
      if (wanted.has(name) && !named.has(name)) named.set(name, child);
      else child.remove();
    }
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      let match = null;
      const name = nameOf(next);
      if (name) match = named.get(name) ?? null;
      else for (match = at; match && (nameOf(match) || match.nodeName !== next.nodeName); ) match = match.nextSibling;
      if (match && match.nodeName === next.nodeName) {
        // To move an element takes its focus: rather drop the nameless ones in its way.
        while (at !== match && at && !nameOf(at)) {
          const rest = at.nextSibling;
          at.remove();
          at = rest;
        }
        if (match === at) at = at.nextSibling;
        else old.insertBefore(match, at);
        if (match.nodeType === 1) morph(match, next);
        else if (match.data !== next.data) match.data = next.data;
      } else {
        const born = document.importNode(next, true);
        if (born.nodeType === 1) {
          born.bornAt = performance.now();
          for (const inside of born.querySelectorAll("button, a")) inside.bornAt = born.bornAt;
        }
        old.insertBefore(born, at);
      }
    }
    while (at) {
      const rest = at.nextSibling;
      at.remove();
      at = rest;
    }
  }

  let drawn = "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, xhr } = event.detail;
    if (target.id !== "live") return;
    event.detail.shouldSwap = false;
    if (xhr.status === 401) return void toSignIn();
    if (xhr.status !== 200) return;
    setNow(Number(xhr.getResponseHeader("X-Hall-Now")));
    drawnAt = Number(xhr.getResponseHeader("X-Hall-Position")) || drawnAt;
    if (xhr.responseText !== drawn) {
      drawn = xhr.responseText;
      const fresh = document.createElement("template");
      fresh.innerHTML = drawn;
      morphChildren(target, fresh.content);
    }
    document.dispatchEvent(new CustomEvent("hall-drawn"));
  });

  let refreshTimer = null;
  let refreshAt = 0;
  let isPressed = false;
  let isDrawing = false;
  let drawMs = 0;
  // The stream may go on while the server cannot draw: nobody is to take an old picture for the hall.
  let isStuck = false;
  let drawnOkAt = 0;
  addEventListener("pointerdown", () => (isPressed = true));
  for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, () => setTimeout(() => (isPressed = false), 0));
  document.addEventListener("htmx:beforeRequest", () => ((isDrawing = true), (refreshAt = performance.now())));
  document.addEventListener("htmx:afterRequest", ({ detail: { target, xhr } }) => {
    isDrawing = false;
    drawMs = performance.now() - refreshAt;
    if (target.id !== "live") return;
    const wasStuck = isStuck;
    isStuck = xhr.status === 0 || xhr.status >= 500;
    if (isStuck) return showLost(drawnOkAt);
    if (wasStuck) document.getElementById("lost").hidden = true;
    drawnOkAt = hallNow();
  });

  function refreshSoon(wait) {
    if (wait === 0 && refreshTimer !== null) refreshTimer = clearTimeout(refreshTimer) ?? null;
    if (refreshTimer !== null) return;
    const rest = refreshAt + drawMs + Math.min(2000, Math.max(REFRESH_MS, drawMs * (REFRESH_SHARE - 1))) - performance.now();
    refreshTimer = setTimeout(refresh, wait ?? Math.max(0, rest));
  }

  function refresh() {
    refreshTimer = null;
    // Not under a finger: what it is about to press would move away.
    if (isPressed || isDrawing) return void (refreshTimer = setTimeout(refresh, 100));
    if (window.htmx && document.getElementById("live")) htmx.trigger(body, "refresh");
    document.dispatchEvent(new CustomEvent("hall-changed"));
  }

  // --- events -------------------------------------------------------------------------------------

  let heard = Date.now();
  // Positions in the log: up to where the screen shows the hall, and up to where it has heard of it.
  let drawnAt = Number(body.dataset.position) || 0;
  let heardTo = drawnAt;
  // The hall's own clock, told with every drawing and event: the browser's may be wrong, a demo's runs faster.
  let latestMs = Number(body.dataset.now) || Date.now();
  let latestAt = performance.now();
  const hallNow = () => latestMs + (performance.now() - latestAt) * Number(body.dataset.speed || 1);
  drawnOkAt = hallNow();
  const clock = new Intl.DateTimeFormat(document.documentElement.lang, {
    hour: "2-digit", minute: "2-digit", hour12: false, timeZone: body.dataset.zone || undefined,
  });

  function setNow(nowMs) {
    if (!nowMs) return;
    latestMs = nowMs;
    latestAt = performance.now();
  }

  function showLost(since) {
    const lost = document.getElementById("lost");
    if (!lost.hidden) return;
    lost.textContent = body.dataset.lost.replaceAll("{time}", clock.format(since));
    lost.hidden = false;
  }

  function hear(message) {
    const wasLost = !document.getElementById("lost").hidden;
    heard = Date.now();
    if (wasLost) {
      document.getElementById("lost").hidden = !isStuck;
      refreshSoon(0);
    }
    if (message.id) heardTo = Number(message.id);
    if (message.kind === "hall") setNow(JSON.parse(message.data).at_ms);
    if (message.kind !== "beat") refreshSoon();
  }

  function listen(path) {
    const url = new URL(path, location.href).href;
    if (window.SharedWorker) {
      const worker = new SharedWorker("/static/stream-worker.js", { name: "openhall" });
      worker.port.onmessage = (event) => hear(event.data);
      // What happened between the drawing of this screen and now is heard too.
      const ping = () => worker.port.postMessage({ url, position: drawnAt });
      ping();
      setInterval(ping, 10000);
      addEventListener("pagehide", () => worker.port.postMessage({ url, bye: true }));
      addEventListener("pageshow", (event) => event.persisted && ping());
      return;
    }
    // A tablet or a TV without shared workers shows one screen: it may have the stream for itself.
    let source = null;
    const open = () => {
      if (source) source.close();
      source = new EventSource(`${url}?after=${heardTo}`);
      for (const kind of ["beat", "hall", "resync"]) {
        source.addEventListener(kind, (event) => hear({ kind, data: event.data, id: event.lastEventId }));
      }
    };
    open();
    setInterval(() => (Date.now() - heard > 5000 || source.readyState === EventSource.CLOSED) && open(), 5000);
  }

  if (body.dataset.stream) {
    listen(body.dataset.stream);
    setInterval(() => refreshSoon(), IDLE_REFRESH_MS);
    setInterval(() => {
      if (Date.now() - heard > SILENT_MS) showLost(hallNow() - (Date.now() - heard));
    }, 250);
  }

  // A page over several branches hears no single stream: it looks again from time to time.
  if (!body.dataset.stream && document.getElementById("live")) setInterval(() => refreshSoon(), IDLE_REFRESH_MS);

  for (const place of document.querySelectorAll("[data-clock]")) {
    const tell = () => (place.textContent = clock.format(hallNow()));
    tell();
    setInterval(tell, 1000);
  }

  // For the scripts of single pages, which run after this one.
  const position = () => Math.min(drawnAt, heardTo);
  window.openhall = { send, say, ask, refreshSoon, hallNow, command, afterwards, branchPath, toSignIn, position };
})();
