// A customer's own page: presses that survive a slow line, a ring when it is time, and the age of what is shown.
"use strict";

(() => {
  const { say, ask, refreshSoon } = window.openhall;
  const SILENT_MS = 35000; // three turns of ten seconds, and a little for the way
  const PRESS_MS = 15000;
  const PRESS_TIMES = 6;
  const body = document.body;
  const title = document.title;
  const lost = document.getElementById("lost");
  const live = document.getElementById("live");
  const shownAt = () => document.querySelector(".phone-time")?.textContent ?? "";

  // --- how old is this? -----------------------------------------------------------------------------

  let heardAt = performance.now();
  let shown = shownAt();
  document.addEventListener("hall-drawn", () => {
    heardAt = performance.now();
    shown = shownAt() || shown;
    lost.hidden = true;
    look();
  });
  function sayLost() {
    lost.textContent = body.dataset.lost.replace("{time}", shown.match(/\d+:\d+/)?.[0] ?? "");
    lost.hidden = false;
  }
  setInterval(() => {
    if (performance.now() - heardAt > SILENT_MS && lost.hidden) sayLost();
  }, 1000);
  // Without a line this phone shows what it kept: it says so at once, and looks for the line.
  if (body.hasAttribute("data-kept")) sayLost();
  addEventListener("offline", sayLost);
  addEventListener("online", () => refreshSoon(0));
  document.addEventListener("visibilitychange", () => document.hidden || refreshSoon(0));

  // --- buttons: the same form that works without scripts, sent again while the line is bad ------------

  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  async function press(form) {
    const content = new URLSearchParams(new FormData(form));
    for (let turn = 1; turn <= PRESS_TIMES; turn++) {
      try {
        const answer = await fetch(form.action, {
          method: "POST", body: content, headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PRESS_MS),
        });
        if (answer.status !== 503) return answer;
      } catch {
        if (turn === 1) say(body.dataset.trying, "", false);
      }
      await pause(500 * 2 ** turn);
    }
    return null;
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.press) return;
    event.preventDefault();
    const button = event.submitter;
    if (button.hasAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    const answer = await press(form);
    button.removeAttribute("aria-busy");
    if (answer?.ok) return void (location.href = live.dataset.ticket);
    const problem = answer ? await answer.json().catch(() => ({})) : {};
    say(problem.title ?? body.dataset.failed, problem.remedy ?? "", true);
    refreshSoon(0);
  });

  // --- kept on this phone: what a reload shows where there is no line (see phone-worker.js) --------------

  const ownVersion = new URL(document.currentScript.src).search;
  const forgetting = document.querySelector("[data-forget]");

  async function keep() {
    const workers = navigator.serviceWorker;
    if (!workers) return; // a browser without, or a line that is not safe
    await workers.register(`/static/phone-worker.js${ownVersion}`, { scope: "/t/" });
    const { active } = await workers.ready;
    const parts = document.querySelectorAll("link[rel=stylesheet], link[rel=icon], script[src]");
    const files = Array.from(parts, (part) => part.href || part.src);
    await told(active, { keep: { path: live.dataset.ticket, files } });
    forgetting.hidden = false;
  }

  function told(worker, message) {
    const { port1, port2 } = new MessageChannel();
    return new Promise((done) => {
      port1.onmessage = done;
      worker.postMessage(message, [port2]);
    });
  }

  forgetting.querySelector("button").addEventListener("click", async (event) => {
    if (!(await ask(event.target.dataset.confirm))) return;
    await told((await navigator.serviceWorker.ready).active, { forget: live.dataset.ticket });
    sessionStorage.clear();
    location.replace("/g");
  });
  if (document.querySelector('[data-id="ticket"]') && !body.hasAttribute("data-kept")) keep().catch(() => {});

  // --- ringing ----------------------------------------------------------------------------------------

  const ring = document.getElementById("ring");
  const kept = `ring ${live.dataset.ticket}`;
  let audio = null;
  let awake = null;
  let rung = sessionStorage.getItem(`${kept} rung`) ?? "";
  const wanted = () => sessionStorage.getItem(kept);

  // Three notes upwards, made here: nothing to load.
  function sound() {
    if (audio?.state !== "running") return;
    [523.25, 659.25, 783.99].forEach((pitch, n) => {
      const from = audio.currentTime + n * 0.3;
      const tone = audio.createOscillator();
      const loud = audio.createGain();
      tone.frequency.value = pitch;
      loud.gain.setValueAtTime(0.0001, from);
      loud.gain.exponentialRampToValueAtTime(0.5, from + 0.03);
      loud.gain.exponentialRampToValueAtTime(0.0001, from + 0.8);
      tone.connect(loud).connect(audio.destination);
      tone.start(from);
      tone.stop(from + 0.9);
    });
  }

  async function notify(text) {
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    const options = { tag: kept, renotify: true, icon: "/static/icon.svg", requireInteraction: true };
    const worker = await navigator.serviceWorker?.getRegistration(live.dataset.ticket);
    // Phones show a page's message only through a worker; computers do without.
    if (worker?.active) await worker.showNotification(text, options);
    else new Notification(text, options);
  }

  function alertOnce(name, text) {
    if (rung === name) return;
    rung = name;
    sessionStorage.setItem(`${kept} rung`, rung);
    navigator.vibrate?.([400, 200, 400, 200, 800]);
    sound();
    notify(text).catch(() => {});
    ring?.querySelector("[data-ring-said]")?.replaceChildren(text);
    scrollTo({ top: 0 }); // the window stands at the top
  }

  // The call is on the tab too: a phone often shows something else meanwhile.
  function look() {
    const ticket = document.querySelector('[data-id="ticket"]');
    const said = document.querySelector("[data-call]")?.textContent;
    document.title = said || title;
    if (!ticket) return;
    if (ring) ring.hidden = !["waiting", "held"].includes(ticket.dataset.status);
    if (!wanted()) return;
    if (said) return alertOnce(`called ${said}`, said);
    const ahead = ticket.dataset.ahead === "" ? Infinity : Number(ticket.dataset.ahead);
    if (ahead === 0 && Number(wanted()) > 0) alertOnce("next", ring.dataset.next);
    else if (ahead <= Number(wanted())) {
      if (rung !== "next") alertOnce("soon", ring.dataset.title.replace("{n}", ahead));
    } else if (rung === "soon" || rung.startsWith("called")) rung = "";
  }

  async function stayAwake() {
    try {
      awake = await navigator.wakeLock?.request("screen");
    } catch {
      awake = null; // a battery that is low, say
    }
  }

  function draw() {
    const button = ring.querySelector("[data-ring]");
    const isOn = Boolean(wanted());
    button.setAttribute("aria-pressed", String(isOn));
    button.textContent = isOn ? button.dataset.onLabel : button.dataset.offLabel;
    ring.querySelector("[data-ring-said]").textContent = isOn ? ring.dataset.on : "";
    ring.querySelector("[data-ring-at]").disabled = isOn;
  }

  async function turn() {
    if (wanted()) {
      sessionStorage.removeItem(kept);
      awake?.release();
      awake = null;
      return draw();
    }
    sessionStorage.setItem(kept, ring.querySelector("[data-ring-at]").value);
    rung = "";
    draw();
    // Sound, leave to show messages and a screen that stays on are granted only upon a press like this one.
    if (window.AudioContext) audio ??= new AudioContext();
    await audio?.resume();
    navigator.vibrate?.(80);
    stayAwake();
    if ("Notification" in window && Notification.permission === "default") await Notification.requestPermission();
    look();
  }

  if (ring) {
    const at = ring.querySelector("[data-ring-at]");
    if (wanted()) at.value = wanted();
    ring.querySelector("[data-ring]").addEventListener("click", turn);
    draw();
    document.addEventListener("visibilitychange", () => document.hidden || !wanted() || stayAwake());
    addEventListener("pointerdown", () => wanted() && (audio ??= new AudioContext()).resume(), { once: true });
  }
  look();
})();
