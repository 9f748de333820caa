/**
 * This browser's end of web push: a subscription at its maker's push service, kept in step with what the cloud knows.
 * A browser that its person's list does not name any more subscribes to nothing.
 */
import type { Browser, BrowserWords } from "../api/peopleViews";
import type { ConsoleClient, Failure, Reply } from "../api/client";
import { rememberToldAs, toldAs } from "./memory";

const WORKER = "/console/push.js";

/** Why a browser cannot be told: `install`: an iPhone, before the console stands on its home screen. */
export type Hindrance = "insecure" | "install" | "unable" | "denied";
/** `away`: the browser's push service cannot be reached; `dismissed`: the person did not answer. */
export type TurnedOn = { kind: "ok"; value: Browser } | { kind: "dismissed" } | { kind: "away" } | Failure;
/** What of the browser is looked at. */
export type Here = { isSecureContext: boolean; userAgent: string; hasPush: boolean; permission: NotificationPermission | undefined };

export function hereNow(): Here {
  const hasPush = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  return { isSecureContext: window.isSecureContext, userAgent: navigator.userAgent, hasPush, permission: hasPush ? Notification.permission : undefined };
}

export function hindranceOf(here: Here): Hindrance | undefined {
  if (!here.isSecureContext) return "insecure";
  if (!here.hasPush) return /\b(iPhone|iPad)\b/.test(here.userAgent) ? "install" : "unable";
  return here.permission === "denied" ? "denied" : undefined;
}

/** Asks the person, subscribes, and tells the cloud. */
export async function turnOn(client: ConsoleClient, publicKey: string, words: BrowserWords): Promise<TurnedOn> {
  if ((await Notification.requestPermission()) !== "granted") return { kind: "dismissed" };
  const subscription = await subscribed(publicKey, toldAs() !== undefined);
  return subscription === undefined ? { kind: "away" } : keep(client, subscription, words);
}

/** What every visit says of a browser that was turned on: it was seen, and in which language it is told. */
export async function renew(client: ConsoleClient, locale: BrowserWords["language"]): Promise<void> {
  const listed = await client.browsers();
  if (listed.kind !== "ok") return;
  const known = listed.value.data.find((one) => one.id === toldAs());
  if (known === undefined) return turnOff();
  if (hindranceOf(hereNow()) !== undefined || Notification.permission !== "granted") return;
  const subscription = await subscribed(listed.value.public_key, known.is_active);
  if (subscription === undefined) return;
  const kept = await keep(client, subscription, { language: locale, min_severity: known.min_severity });
  if (kept.kind === "ok" && kept.value.id !== known.id) await client.removeBrowser(known.id);
}

/** This browser is told nothing any more, whoever asks. */
export async function turnOff(): Promise<void> {
  rememberToldAs(undefined);
  const registration = await registrationHere();
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
  await registration?.unregister();
}

async function keep(client: ConsoleClient, subscription: PushSubscription, words: BrowserWords): Promise<Reply<Browser>> {
  const { endpoint = "", keys = {} } = subscription.toJSON();
  const reply = await client.putBrowser({ endpoint, keys: { p256dh: keys["p256dh"] ?? "", auth: keys["auth"] ?? "" }, ...words });
  if (reply.kind === "ok") rememberToldAs(reply.value.id);
  return reply;
}

/** A subscription to this key. One that stands already is taken only where it is known to be the person's own. */
async function subscribed(publicKey: string, isOwn: boolean): Promise<PushSubscription | undefined> {
  await navigator.serviceWorker.register(WORKER, { updateViaCache: "none" });
  const { pushManager } = await navigator.serviceWorker.ready;
  const standing = await pushManager.getSubscription();
  if (standing !== null && isOwn && isKeyOf(standing, publicKey)) return standing;
  await standing?.unsubscribe();
  try {
    return await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: publicKey });
  } catch (error) {
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}

async function registrationHere(): Promise<ServiceWorkerRegistration | undefined> {
  return "serviceWorker" in navigator ? navigator.serviceWorker.getRegistration(WORKER) : undefined;
}

function isKeyOf(subscription: PushSubscription, publicKey: string): boolean {
  const key = subscription.options.applicationServerKey;
  if (key === null) return true;
  const text = btoa(String.fromCharCode(...new Uint8Array(key)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "") === publicKey;
}
