// What the screens do besides showing: send commands, hear events, say when the line is cut.
"use strict";

(() => {
  const body = document.body;
  const SILENT_MS = 4500; // two missed beats
  const REFRESH_MS = 250; // at most four redraws a second, and always one after the last event
  const IDLE_REFRESH_MS = 10000; // minutes on the screen grow also when nothing happens
  const RETRIES = 5;

  // --- commands -----------------------------------------------------------------------------------

  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  }

  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  // The same key with every retry: whatever happened to the first one, the command is carried out once.
  async function send(path, fields, method = "POST") {
    const key = newKey();
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await fetch(path, {
          method,
          headers: { "Content-Type": "application/json", "Idempotency-Key": key, Accept: "application/json" },
          body: method === "DELETE" ? undefined : JSON.stringify(fields),
        });
        if (response.status !== 503 || attempt >= RETRIES) {
          const text = await response.text();
          return { ok: response.ok, body: text ? JSON.parse(text) : {}, status: response.status };
        }
      } catch (error) {
        if (attempt >= RETRIES) return { ok: false, body: { title: body.dataset.failed, remedy: "" }, status: 0 };
      }
      await pause(300 * 2 ** attempt);
    }
  }

  const commandPath = (kind) => `/api/branches/${body.dataset.branch}/commands/${kind}`;

  async function command(kind, fields, then, control) {
    if (control) control.setAttribute("aria-busy", "true");
    const result = await send(commandPath(kind), fields);
    if (control) control.removeAttribute("aria-busy");
    if (!result.ok) {
      say(result.body.title, result.body.remedy, true);
      return null;
    }
    refreshSoon(0);
    if (then === "slip") showSlip(result.body.events[0]);
    else if (then) location.href = then.replace("{ticket_id}", result.body.events[0].ticket_id);
    return result.body;
  }

  function say(title, remedy, isProblem) {
    const said = document.getElementById("said");
    const box = document.createElement("div");
    box.className = isProblem ? "toast toast-problem" : "toast";
    const strong = document.createElement("strong");
    strong.textContent = title;
    box.append(strong);
    if (remedy) box.append(document.createElement("br"), remedy);
    said.replaceChildren(box);
    clearTimeout(say.timer);
    say.timer = setTimeout(() => said.replaceChildren(), isProblem ? 9000 : 4000);
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
      else if (type === "minutes-ahead") fields[input.name] = hallNow() + Number(input.value) * 60000;
      else fields[input.name] = input.value;
    }
    return fields;
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.dataset.command) {
      event.preventDefault();
      if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) return;
      const fields = fieldsOf(form, event.submitter);
      const personal = form.querySelector("[data-personal]");
      if (personal && personal.value) {
        const kept = await send(`/api/branches/${body.dataset.branch}/personal`, {
          kind: personal.dataset.personal,
          data: { text: personal.value },
        });
        if (!kept.ok) return say(kept.body.title, kept.body.remedy, true);
        fields.text_ref = kept.body.ref;
      }
      if (await command(form.dataset.command, fields, form.dataset.then, event.submitter)) form.reset();
    } else if (form.hasAttribute("data-sign-in")) {
      event.preventDefault();
      const result = await send("/api/session", Object.fromEntries(new FormData(form)));
      if (result.ok) {
        const to = new URLSearchParams(location.search).get("to") || "/";
        location.href = to.startsWith("/") && !to.startsWith("//") ? to : "/";
      } else {
        const error = form.querySelector(".form-error");
        error.hidden = false;
        error.textContent = `${result.body.title} ${result.body.remedy}`;
      }
    } else if (form.hasAttribute("data-triage")) {
      event.preventDefault();
      triage(form);
    }
  });

  document.addEventListener("click", async (event) => {
    const control = event.target.closest("button, a");
    if (!control || control.form?.dataset.command) return;
    if (control.dataset.command) {
      await command(control.dataset.command, JSON.parse(control.dataset.fields || "{}"), control.dataset.then, control);
    } else if (control.hasAttribute("data-sign-out")) {
      await send("/api/session", {}, "DELETE");
      location.href = "/sign-in";
    } else if (control.hasAttribute("data-open-day")) {
      const result = await send(`/api/branches/${body.dataset.branch}/day`, {});
      if (result.ok) location.reload();
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
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
    const key = event.key.toUpperCase();
    if (!/^[A-Z]$/.test(key)) return;
    const control = document.querySelector(`[data-key="${key}"]:not([disabled]):not([aria-busy])`);
    if (control) {
      event.preventDefault();
      control.click();
    }
  });

  // --- the guard's slip, the kiosk's keypad, the lobby's triage -----------------------------------

  function showSlip(happened) {
    const slip = document.getElementById("slip");
    const isAdmitted = happened.is_admitted !== false;
    slip.querySelector('[data-slip="admitted"]').hidden = !isAdmitted;
    slip.querySelector('[data-slip="referred"]').hidden = isAdmitted;
    slip.querySelector("[data-slip-number]").textContent = happened.visit_id.slice(1);
    slip.showModal();
  }

  document.addEventListener("click", (event) => {
    const key = event.target.closest("[data-digit]");
    if (!key) return;
    const form = key.closest("[data-keypad]");
    const shown = form.querySelector("output");
    if (key.dataset.digit === "clear") shown.textContent = "";
    else if (shown.textContent.length < 5) shown.textContent += key.dataset.digit;
    form.querySelector('[name="visit"]').value = shown.textContent ? `v${shown.textContent}` : "";
  });

  async function triage(form) {
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
    const heard = await command("RecordTriage", asked);
    if (!heard) return;
    showOffers(form, heard.events[0].offers || []);
    const handling = Array.from(form.querySelectorAll('[name="handling"]:checked'), (box) => box.value);
    const issued = await command("IssueTicket", {
      service_id: option.dataset.service,
      need: need.value,
      class_code: form.elements.class_code.value,
      class_basis: "staff",
      handling,
      visit_id: asked.visit_id,
    });
    if (!issued) return;
    say(issued.events[0].number, "", false);
    form.reset();
  }

  function showOffers(form, ids) {
    const rules = JSON.parse(form.querySelector("[data-rules]").textContent);
    const box = form.querySelector("[data-offers]");
    box.hidden = ids.length === 0;
    box.querySelector("ul").replaceChildren(
      ...ids.map((id) => Object.assign(document.createElement("li"), { textContent: rules[id] })),
    );
  }

  // --- drawing anew -------------------------------------------------------------------------------

  let refreshTimer = null;
  let isPressed = false;
  addEventListener("pointerdown", () => (isPressed = true));
  for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, () => setTimeout(() => (isPressed = false), 0));

  function refreshSoon(wait = REFRESH_MS) {
    if (refreshTimer !== null) return;
    refreshTimer = setTimeout(() => {
      refreshTimer = null;
      // Not under a finger, and not while a menu or a choice of this part is being used: it would be lost.
      const live = document.getElementById("live");
      const isInUse = live && (live.querySelector("details[open]") || live.querySelector("input:focus, select:focus"));
      if (isPressed || isInUse) return void refreshSoon(500);
      if (window.htmx) htmx.trigger(body, "refresh");
      document.dispatchEvent(new CustomEvent("hall-changed"));
    }, wait);
  }
  setInterval(() => refreshSoon(), IDLE_REFRESH_MS);

  // --- events -------------------------------------------------------------------------------------

  let heard = Date.now();
  let latestMs = null; // the hall's own clock, which in a demo runs faster
  let latestAt = 0;
  const hallNow = () => (latestMs === null ? Date.now() : latestMs + (Date.now() - latestAt) * Number(body.dataset.speed || 1));

  function hear(message) {
    const wasLost = !document.getElementById("lost").hidden;
    heard = Date.now();
    if (wasLost) {
      document.getElementById("lost").hidden = true;
      refreshSoon(0);
    }
    if (message.kind === "hall") {
      latestMs = JSON.parse(message.data).at_ms;
      latestAt = Date.now();
      body.dataset.position = JSON.parse(message.data).position;
    }
    if (message.kind !== "beat") refreshSoon();
  }

  function listen(path) {
    const url = new URL(path, location.href).href;
    if (window.SharedWorker) {
      const worker = new SharedWorker("/static/stream-worker.js", { name: "openhall" });
      worker.port.onmessage = (event) => hear(event.data);
      const ping = () => worker.port.postMessage({ url });
      ping();
      setInterval(ping, 10000);
      addEventListener("pagehide", () => worker.port.postMessage({ url, bye: true }));
      addEventListener("pageshow", (event) => event.persisted && ping());
      return;
    }
    // A tablet or a TV without shared workers shows one screen: it may have the stream for itself.
    let source = null;
    let last = null;
    const open = () => {
      if (source) source.close();
      source = new EventSource(last === null ? url : `${url}?after=${last}`);
      for (const kind of ["beat", "hall", "resync"]) {
        source.addEventListener(kind, (event) => {
          if (event.lastEventId) last = event.lastEventId;
          hear({ kind, data: event.data });
        });
      }
    };
    open();
    setInterval(() => (Date.now() - heard > 5000 || source.readyState === EventSource.CLOSED) && open(), 5000);
  }

  if (body.dataset.stream) {
    listen(body.dataset.stream);
    setInterval(() => {
      const lost = document.getElementById("lost");
      if (Date.now() - heard <= SILENT_MS || !lost.hidden) return;
      const time = new Date(heard).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
      lost.textContent = body.dataset.lost.replace("{time}", time);
      lost.hidden = false;
    }, 500);
  }

  // A kiosk goes back to its first page by itself after a while, when it shows a ticket already given.
  if (body.classList.contains("kiosk") && new URLSearchParams(location.search).has("ticket")) {
    setTimeout(() => (location.href = body.dataset.home), 30000);
  }

  // --- the chart ----------------------------------------------------------------------------------

  const series = document.getElementById("series");
  if (series) {
    let plot = null;
    const draw = async () => {
      const response = await fetch(series.dataset.series);
      if (!response.ok || !window.uPlot) return;
      const day = await response.json();
      const data = [day.at_ms.map((ms) => ms / 1000), day.waiting, day.open_counters];
      if (plot) return plot.setData(data);
      const style = getComputedStyle(body);
      const colour = (name) => style.getPropertyValue(name).trim();
      const axis = { stroke: colour("--ink-soft"), grid: { stroke: colour("--rule") }, ticks: { stroke: colour("--rule") } };
      plot = new uPlot(
        {
          width: series.clientWidth,
          height: 240,
          tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), series.dataset.zone),
          series: [
            { label: series.dataset.time, value: "{HH}:{mm}" },
            { label: series.dataset.waiting, stroke: colour("--accent"), width: 2, fill: colour("--accent-faint") },
            { label: series.dataset.counters, stroke: colour("--warm"), width: 2, paths: uPlot.paths.stepped({ align: 1 }) },
          ],
          axes: [{ ...axis, values: "{HH}:{mm}" }, axis],
          scales: { y: { range: (_, low, high) => [0, Math.max(5, high * 1.1)] } },
        },
        data,
        series,
      );
      addEventListener("resize", () => plot.setSize({ width: series.clientWidth, height: 240 }));
    };
    draw();
    let drawing = null;
    document.addEventListener("hall-changed", () => {
      drawing ??= setTimeout(() => ((drawing = null), draw()), 2000);
    });
  }
})();
