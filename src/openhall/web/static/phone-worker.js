// Lets a phone show a message while the page of a number is open; a tap on it brings the page to the front.
"use strict";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(
    self.clients.matchAll({ type: "window", includeUncontrolled: true }).then((pages) => {
      const own = pages.find((page) => new URL(page.url).pathname.startsWith("/t/"));
      return own?.focus();
    }),
  );
});
