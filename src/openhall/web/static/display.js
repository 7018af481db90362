// The hall display calls: one number after the other, each long enough, with chime and voice, untouched.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const TURN_MS = 6000; // a call has at least so long when others wait behind it
  const TURN_WRITTEN_MS = 15000; // somebody who may not hear it
  const PAUSE_MS = 900;
  const QUEUE_MAX = 20; // beyond it a call is in the list alone

  const body = document.body;
  const isDevice = Boolean(body.dataset.device);
  let told = { volume_percent: 80, repeats: 2, languages: ["zh", "en"], is_quiet: false };
  let known = null;
  let shown = "";
  let sound = "unknown";
  let isAtIt = false;
  const queue = [];

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const spot = () => document.querySelector("[data-spot]");

  function readCalls() {
    const calls = [...document.querySelectorAll(".tv-now[data-called]")].reverse(); // earliest first
    const isFirst = known === null;
    known ??= new Set();
    for (const item of calls) {
      if (known.has(item.dataset.called)) continue;
      known.add(item.dataset.called);
      if (!isFirst && queue.length < QUEUE_MAX) queue.push(callOf(item));
    }
    if (known.size > 500) known = new Set([...known].slice(-200));
    if (!isAtIt && !queue.length) rest();
    else takeTurns();
  }

  function callOf(item) {
    const { number, window: at, says, shownMs } = item.dataset;
    return { number, at, says: JSON.parse(says), isWritten: "written" in item.dataset, shownMs: Number(shownMs) };
  }

  // Between calls the latest one stays, quietly.
  function rest() {
    const place = spot();
    const latest = document.querySelector("[data-called]");
    if (!place || !latest) return;
    place.classList.remove("tv-spot-calling", "tv-spot-written");
    fill(place, latest.dataset.number, latest.dataset.window, false);
  }

  function fill(place, number, at, isTest) {
    place.querySelector("[data-spot-number]").textContent = number;
    place.querySelector("[data-spot-window]").textContent = at;
    place.querySelector("[data-spot-test]").hidden = !isTest;
  }

  async function takeTurns() {
    if (isAtIt) return;
    isAtIt = true;
    while (queue.length) await call(queue.shift());
    isAtIt = false;
    shown = "";
    rest();
  }

  async function call(item) {
    const place = spot();
    if (!place) return;
    shown = item.isTest ? "" : item.number;
    fill(place, item.number, item.at, item.isTest);
    place.classList.toggle("tv-spot-written", item.isWritten);
    place.classList.remove("tv-spot-calling");
    void place.offsetWidth; // so that the same place blinks again
    place.classList.add("tv-spot-calling");
    const began = performance.now();
    const left = () => {
      const least = item.isWritten ? TURN_WRITTEN_MS : TURN_MS;
      const wanted = queue.length ? least : Math.max(least, item.isWritten ? item.shownMs : 0);
      return began + wanted - performance.now();
    };
    await announce(item);
    while (left() > 0) await pause(Math.min(250, left()));
  }

  async function announce(item) {
    if (!isDevice || told.is_quiet || !told.volume_percent) return void (sound = "off");
    const volume = told.volume_percent / 100;
    // Said again only while nobody else waits to be called; and once where the one who is called may not hear
    // it: it is said for whoever is with them.
    const times = () => (queue.length || item.isWritten ? 1 : told.repeats);
    for (let n = 0; n < times(); n++) {
      if (n) await pause(PAUSE_MS);
      const rung = await window.openhall.chime(volume);
      if (rung === "blocked") return note("blocked");
      if (!item.says.length) return note("ok");
      const how = await window.openhall.speak(item.says, undefined, { volume });
      note(how === "none" ? "missing" : how === "blocked" ? "blocked" : "ok");
    }
  }

  function note(how) {
    sound = how;
    document.querySelector("[data-muted]").hidden = how !== "blocked";
  }

  // What the Devices page learns of this screen with each beat, and what it may ask.
  (window.openhall ??= {}).device = {
    async tell() {
      if (told.is_quiet || !told.volume_percent) sound = "off";
      else if (await window.openhall.isBlocked()) note("blocked");
      else if (sound !== "missing") note("ok");
      const voices = [];
      for (const language of ["zh", "en"]) if (await window.openhall.voiceFor(language)) voices.push(language);
      return { shown, sound, voices };
    },
    told(answer) {
      told = answer;
    },
    test(test) {
      const says = JSON.parse(body.dataset.testSays);
      const item = { number: "A000", at: "0", says, isWritten: false, isTest: true, shownMs: 0 };
      if (test.kind === "sound") announce(item);
      else if (queue.push(item)) takeTurns();
    },
  };

  document.addEventListener("hall-drawn", readCalls);
  readCalls();
});
