// Keeps the last state of a number's page on this phone, so that a dead spot shows it with its time, and lets the
// phone show a message while the page is open. What is kept goes when the ticket has ended, when its holder says
// so, and after half a day in any case.
"use strict";

const PAGES = "openhall-numbers"; // pages of numbers, and their last drawing: `/t/TOKEN` and `/t/TOKEN/live`
const FILES = "openhall-files"; // what those pages are drawn with; nothing about anybody
const KEPT_AT = "x-kept-at";
const KEPT_MS = 12 * 3600 * 1000; // a number counts on its day
const PATIENCE_MS = 6000; // a line that is there and carries nothing
const GOES_ON = new Set(["waiting", "called", "held", "serving", "diverting"]);
const HEADERS = ["content-type", "content-language", "content-security-policy", "x-content-type-options", "referrer-policy"];
const LIVE = /(<!--live-->)[^]*(<!--\/live-->)/; // the part of the page that is drawn anew, see phone.html
const keptPages = new Set(); // clients that show what was kept: their files come from here too

const tokenPath = (path) => path.match(/^\/t\/[\w.-]+/)?.[0];

async function forget(path) {
  const pages = await caches.open(PAGES);
  await Promise.all([pages.delete(path), pages.delete(`${path}/live`)]);
}

async function forgetOld() {
  const pages = await caches.open(PAGES);
  for (const request of await pages.keys()) {
    const answer = await pages.match(request);
    if (Date.now() - Number(answer.headers.get(KEPT_AT)) > KEPT_MS) await pages.delete(request);
  }
}

// Keeps an answer under a path while its ticket goes on; an ended or unknown one leaves nothing behind.
async function keep(path, key, answer) {
  if ([404, 410].includes(answer.status)) return forget(path);
  if (answer.status !== 200) return;
  const text = await answer.text();
  const status = text.match(/data-status="(\w+)"/)?.[1];
  if (!status) return; // a question on the same page, such as "step out for a while?"
  if (!GOES_ON.has(status)) return forget(path);
  const headers = new Headers({ [KEPT_AT]: String(Date.now()) });
  for (const name of HEADERS) if (answer.headers.has(name)) headers.set(name, answer.headers.get(name));
  await (await caches.open(PAGES)).put(key, new Response(text, { headers }));
}

async function keptPage(path) {
  await forgetOld();
  const pages = await caches.open(PAGES);
  const [whole, live] = await Promise.all([pages.match(path), pages.match(`${path}/live`)]);
  if (!whole) return null;
  let text = await whole.text();
  if (live && Number(live.headers.get(KEPT_AT)) > Number(whole.headers.get(KEPT_AT))) {
    const latest = await live.text();
    text = text.replace(LIVE, (_, from, to) => from + latest + to);
  }
  const headers = new Headers(whole.headers);
  headers.set("cache-control", "no-store");
  return new Response(text.replace("<body ", "<body data-kept "), { headers });
}

async function page(event, path) {
  const asked = fetch(event.request);
  const shown = asked.then((answer) => {
    if (answer.type === "basic") event.waitUntil(keep(path, path, answer.clone()));
    return answer;
  });
  const patience = new Promise((_, give) => setTimeout(give, PATIENCE_MS));
  try {
    return await Promise.race([shown, patience]);
  } catch {
    const kept = await keptPage(path);
    if (!kept) return shown;
    shown.catch(() => {});
    keptPages.add(event.resultingClientId);
    return kept;
  }
}

async function live(event, path) {
  const answer = await fetch(event.request);
  event.waitUntil(keep(path, `${path}/live`, answer.clone()));
  return answer;
}

async function file(event) {
  const kept = () => caches.match(event.request, { cacheName: FILES });
  if (keptPages.has(event.clientId)) return (await kept()) ?? fetch(event.request);
  try {
    return await fetch(event.request);
  } catch (error) {
    const found = await kept();
    if (found) return found;
    throw error;
  }
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  const path = tokenPath(url.pathname);
  if (path && event.request.mode === "navigate") event.respondWith(page(event, path));
  else if (path && url.pathname === `${path}/live`) event.respondWith(live(event, path));
  else if (url.pathname.startsWith("/static/")) event.respondWith(file(event));
});

// The first visit was over before this worker was there: the page names itself and its files.
async function keepNow({ path, files }) {
  const store = await caches.open(FILES);
  const wanted = new Set(files.map((name) => new URL(name, location.href).href));
  for (const request of await store.keys()) if (!wanted.has(request.url)) await store.delete(request);
  for (const name of wanted) if (!(await store.match(name))) await store.add(name).catch(() => {});
  if (await (await caches.open(PAGES)).match(path)) return;
  await keep(path, path, await fetch(path, { headers: { Accept: "text/html" } }));
}

self.addEventListener("message", (event) => {
  const { forget: path, keep: wanted } = event.data;
  const done = path ? forget(path) : keepNow(wanted).catch(() => {});
  event.waitUntil(done.then(() => event.ports[0]?.postMessage("done")));
});

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(Promise.all([self.clients.claim(), forgetOld()])));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(
    self.clients.matchAll({ type: "window", includeUncontrolled: true }).then((pages) => {
      const own = pages.find((page) => new URL(page.url).pathname.startsWith("/t/"));
      return own?.focus();
    }),
  );
});
