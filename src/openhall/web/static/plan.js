// The plan of a day: blocks are drawn to another time, window or person; every change is checked at once.
"use strict";

// Deferred scripts run in the order of the page; what they share is there once all of them have run.
document.addEventListener("DOMContentLoaded", () => {
  const { send, say, ask, refreshSoon } = window.openhall;
  const live = document.getElementById("live");
  const POLL_MS = 1000;
  const EDGE_PX = 12;
  const DRAWN_PX = 4; // less is a click
  const path = live.dataset.path;

  const seen = () => Number(live.querySelector("[data-revision]")?.dataset.revision || 0);
  const day = () => live.querySelector("[data-day]")?.dataset.day;
  const minuteOf = (text) => text.split(":").map(Number).reduce((hours, minutes) => hours * 60 + minutes);
  const clock = (minute) => [Math.floor(minute / 60), minute % 60].map((n) => String(n).padStart(2, "0")).join(":");

  async function tell(address, fields, control, said) {
    if (control?.hasAttribute("aria-busy")) return;
    control?.setAttribute("aria-busy", "true");
    const result = await send(`${path}/${address}`, fields);
    control?.removeAttribute("aria-busy");
    if (!result.ok) say(result.body.title, result.body.remedy, true);
    else if (result.body.said || said) say(result.body.said || said, result.body.effect || "", false);
    refreshSoon(0);
  }

  const change = (fields, control) => tell("changes", { seen: seen(), change: { day: day(), ...fields } }, control, live.dataset.said);

  document.addEventListener("click", async (event) => {
    const control = event.target.closest("[data-make], [data-publish]");
    if (!control || control.disabled) return;
    if (control.hasAttribute("data-make")) return tell("draft", {}, control);
    if (await ask(control.dataset.confirm)) tell("publish", { seen: seen() }, control);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-change]");
    if (!form) return;
    event.preventDefault();
    const { person_id, from, until, where, shift_id } = Object.fromEntries(new FormData(form));
    if (form.dataset.change === "duty") return change({ type: "SetShift", person_id, shift_id }, event.submitter);
    const [post, counter_id = ""] = where.split(" ");
    change({ type: "SetStint", person_id, post, counter_id, from_minute: minuteOf(from), until_minute: minuteOf(until) }, event.submitter);
  });

  // A plan that is being made: look again till it is there.
  setInterval(() => live.querySelector("[data-poll]") && refreshSoon(0), POLL_MS);

  // --- drawing blocks -----------------------------------------------------------------------------

  const about = (stint) => ({
    person_id: stint.closest("[data-person]").dataset.person,
    from_minute: Number(stint.dataset.from),
    until_minute: Number(stint.dataset.until),
    post: stint.dataset.post,
    counter_id: stint.dataset.counter,
  });

  // What is picked goes into the form: the way for keys, and for a finger that would rather tap.
  function pick(stint) {
    const form = live.querySelector('[data-change="stint"]');
    const one = about(stint);
    form.elements.person_id.value = one.person_id;
    form.elements.from.value = clock(one.from_minute);
    form.elements.until.value = clock(one.until_minute);
    form.elements.where.value = one.post === "window" ? `window ${one.counter_id}` : one.post;
    form.scrollIntoView({ block: "nearest" });
    form.elements.from.focus();
  }

  let drawing = null;

  live.addEventListener("pointerdown", (event) => {
    const stint = event.target.closest('[data-stint][role="button"]');
    if (!stint || event.button !== 0) return;
    const row = stint.closest("[data-person]");
    const box = stint.getBoundingClientRect();
    const edge = event.clientX - box.left < EDGE_PX ? "from" : box.right - event.clientX < EDGE_PX ? "until" : "both";
    drawing = { stint, row, edge, x: event.clientX, target: row, isMoved: false, ...about(stint) };
    drawing.before = { x: stint.getAttribute("x"), width: stint.getAttribute("width") };
    stint.setPointerCapture(event.pointerId);
  });

  live.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    if (!drawing.isMoved && Math.abs(event.clientX - drawing.x) < DRAWN_PX && rowAt(event) === drawing.row) return;
    drawing.isMoved = true;
    const { row, stint, edge } = drawing;
    const begins = Number(row.dataset.begins);
    const span = Number(row.dataset.ends) - begins;
    const step = Number(row.dataset.step);
    const by = Math.round(((event.clientX - drawing.x) / row.clientWidth) * (span / step)) * step;
    drawing.newFrom = edge === "until" ? drawing.from_minute : Math.max(begins, drawing.from_minute + by);
    drawing.newUntil = edge === "from" ? drawing.until_minute : Math.min(begins + span, drawing.until_minute + by);
    if (drawing.newUntil - drawing.newFrom < step) return;
    stint.setAttribute("x", `${(100 * (drawing.newFrom - begins)) / span}%`);
    stint.setAttribute("width", `${(100 * (drawing.newUntil - drawing.newFrom)) / span}%`);
    stint.classList.add("plan-drawn");
    drawing.target.classList.remove("plan-target");
    drawing.target = edge === "both" ? rowAt(event) || row : row;
    if (drawing.target !== row) drawing.target.classList.add("plan-target");
  });

  const rowAt = (event) => {
    const found = document.elementsFromPoint(event.clientX, event.clientY);
    return found.map((element) => element.closest?.("[data-person]")).find((row) => row?.classList.contains("plan-row"));
  };

  function letGo(isKept) {
    const done = drawing;
    drawing = null;
    if (!done) return;
    done.stint.classList.remove("plan-drawn");
    done.target.classList.remove("plan-target");
    const isSame = done.newFrom === done.from_minute && done.newUntil === done.until_minute && done.target === done.row;
    if (!done.isMoved && isKept) return pick(done.stint);
    if (!isKept || isSame) {
      done.stint.setAttribute("x", done.before.x);
      done.stint.setAttribute("width", done.before.width);
      return;
    }
    change({
      type: "MoveStint",
      person_id: done.person_id,
      from_minute: done.from_minute,
      to_person_id: done.target.dataset.person,
      new_from_minute: done.newFrom,
      new_until_minute: done.newUntil,
    });
  }

  live.addEventListener("pointerup", () => letGo(true));
  live.addEventListener("pointercancel", () => letGo(false));
  live.addEventListener("keydown", (event) => {
    const stint = event.target.closest?.('[data-stint][role="button"]');
    if (stint && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      pick(stint);
    }
  });
});
