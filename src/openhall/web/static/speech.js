// Saying things aloud: with a voice of this device's own where it has one for the language, else with sound
// that the server prepares. Nothing leaves the house either way.
//
//   openhall.speak(target, language)  -> Promise of "voice" | "sound" | "blocked" | "none"
//     target: an element (its own and its descendants' data-say, in order), a selector, a plain string, or
//     a list of { text, language, code }
//   openhall.hush()                   stops at once
//   <button data-speak="#selector">   a press says that part, a second press stops
"use strict";

(() => {
  const VOICES_MS = 1500; // some browsers tell their voices only after a while
  const TAGS = { zh: /^(zh|cmn)\b/i, en: /^en\b/i };
  const RATE = { zh: 0.85, en: 0.85 };
  const BLOCKED_MS = 700; // a context that may play is running well before that

  let audio = null;
  let playing = null;
  let turn = 0;

  const pageLanguage = () => (document.documentElement.lang.startsWith("zh") ? "zh" : "en");

  // One context for the page: a browser that blocks sound leaves it suspended until somebody touches the screen.
  function context() {
    if (!audio && window.AudioContext) audio = new AudioContext();
    return audio;
  }
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => audio?.resume());

  // Whether sound comes out of this page at all. A browser complains about a context that it must not start;
  // an unheard tenth of a second is refused without a word.
  async function isBlocked() {
    if (audio?.state === "running") return false;
    try {
      await new Audio("/static/silence.wav").play();
    } catch (error) {
      if (error.name === "NotAllowedError") return true;
    }
    const own = context();
    if (!own) return true;
    await Promise.race([own.resume(), new Promise((done) => setTimeout(done, BLOCKED_MS))]).catch(() => {});
    return own.state !== "running";
  }

  let voices = null;
  function localVoices() {
    voices ??= new Promise((resolve) => {
      const synth = window.speechSynthesis;
      if (!synth) return resolve([]);
      const found = () => synth.getVoices().filter((voice) => voice.localService);
      if (synth.getVoices().length) return resolve(found());
      synth.addEventListener("voiceschanged", () => resolve(found()), { once: true });
      setTimeout(() => resolve(found()), VOICES_MS);
    });
    return voices;
  }

  async function voiceFor(language) {
    return (await localVoices()).find((voice) => TAGS[language].test(voice.lang)) ?? null;
  }

  function byVoice(voice, text, language, volume) {
    return new Promise((resolve) => {
      const said = new SpeechSynthesisUtterance(text);
      Object.assign(said, { voice, lang: voice.lang, rate: RATE[language], volume });
      const late = setTimeout(() => resolve("none"), 4000 + text.length * 500);
      said.onend = () => (clearTimeout(late), resolve("voice"));
      said.onerror = (event) => (clearTimeout(late), resolve(event.error === "not-allowed" ? "blocked" : "none"));
      speechSynthesis.speak(said);
    });
  }

  async function bySound(text, language, code, volume) {
    let answer;
    try {
      answer = await fetch("/api/speech", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ text, language, code }),
      });
    } catch {
      return "none";
    }
    if (!answer.ok) return "none";
    if (await isBlocked()) return "blocked";
    const own = context();
    const source = own.createBufferSource();
    source.buffer = await own.decodeAudioData(await answer.arrayBuffer());
    return play(source, volume, source.buffer.duration);
  }

  function play(source, volume, seconds) {
    const own = context();
    const gain = own.createGain();
    gain.gain.value = volume;
    source.connect(gain).connect(own.destination);
    return new Promise((resolve) => {
      playing = source;
      // A device without an output never says that it has ended.
      const late = setTimeout(() => resolve("sound"), (seconds + 2) * 1000);
      source.onended = () => (clearTimeout(late), resolve("sound"));
      source.start();
    });
  }

  // Two soft notes, made here: nothing to load, nothing to miss.
  async function chime(volume = 1) {
    if (await isBlocked()) return "blocked";
    const own = context();
    const notes = [659.25, 523.25];
    const rate = own.sampleRate;
    const buffer = own.createBuffer(1, rate * 1.1, rate);
    const wave = buffer.getChannelData(0);
    notes.forEach((pitch, n) => {
      for (let i = Math.floor(n * 0.38 * rate); i < wave.length; i++) {
        const t = i / rate - n * 0.38;
        wave[i] += 0.4 * Math.sin(2 * Math.PI * pitch * t) * Math.exp(-5 * t) * Math.min(1, t * 200);
      }
    });
    const source = own.createBufferSource();
    source.buffer = buffer;
    return play(source, volume, 1.1);
  }

  async function sayOne(text, language, code, volume) {
    const voice = await voiceFor(language);
    if (voice) {
      const how = await byVoice(voice, text, language, volume);
      if (how !== "none") return how;
    }
    return code ? bySound(text, language, code, volume) : "none";
  }

  function partsOf(target, language) {
    if (Array.isArray(target)) return target;
    if (typeof target === "string" && !/^[#.[]/.test(target)) return [{ text: target, language, code: "" }];
    const element = typeof target === "string" ? document.querySelector(target) : target;
    if (!element) return [];
    const said = element.matches("[data-say]") ? [element] : [...element.querySelectorAll("[data-say]")];
    return said
      .filter((part) => !part.closest("[hidden]"))
      .map((part) => ({
        text: part.dataset.say,
        language: part.dataset.sayLanguage || language,
        code: part.dataset.sayCode || "",
      }));
  }

  function hush() {
    turn++;
    window.speechSynthesis?.cancel();
    try {
      playing?.stop();
    } catch {
      // It had not begun.
    }
    playing = null;
  }

  async function speak(target, language = pageLanguage(), { volume = 1 } = {}) {
    hush();
    const mine = turn;
    let how = "none";
    for (const part of partsOf(target, language)) {
      if (mine !== turn) break;
      how = await sayOne(part.text, part.language, part.code, volume);
      if (how === "blocked") break;
    }
    return how;
  }

  let pressed = null;
  async function press(button) {
    if (pressed) {
      const wasThis = pressed === button;
      pressed.setAttribute("aria-pressed", "false");
      pressed = null;
      hush();
      if (wasThis) return;
    }
    pressed = button;
    button.setAttribute("aria-pressed", "true");
    context()?.resume();
    const how = await speak(button.dataset.speak || button);
    if (pressed !== button) return;
    pressed = null;
    button.setAttribute("aria-pressed", "false");
    if (how !== "voice" && how !== "sound" && button.dataset.speakFailed) window.openhall.say(button.dataset.speakFailed, "", true);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-speak]");
    if (button) press(button);
  });

  // The page's main script may run before or after this one.
  const offer = () => Object.assign((window.openhall ??= {}), { speak, hush, chime, isBlocked, voiceFor });
  document.addEventListener("DOMContentLoaded", offer);
  if (window.openhall) offer();
})();
