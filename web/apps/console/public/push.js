/**
 * Shows the notices that are pushed to this browser, and opens their page at a click. Keeps no page, answers no request:
 * without a push it does nothing.
 */
const HOME = "/console/";

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("push", (event) => {
  event.waitUntil(show(read(event.data)));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.notification.data));
});

/** Something is shown whatever came: a browser ends a subscription whose pushes show nothing. */
function read(data) {
  try {
    return data.json();
  } catch {
    return {};
  }
}

function show({ title = "Vendomat", text = "", path = "", tag = "" }) {
  const page = new URL(path, self.location.origin + HOME);
  const isOurs = page.origin === self.location.origin && page.pathname.startsWith(HOME);
  return self.registration.showNotification(title, { body: text, tag, icon: `${HOME}icon.svg`, data: isOurs ? page.href : HOME });
}
