/**
 * Proving at the merchant's identity provider, in a window of its own, so that what was typed here stays. The two windows
 * speak over a channel of this site: the provider's pages in between may cut the one from the other.
 */
import type { Reply } from "../api/client";
import type { Schemas } from "@vendomat/api";
import { i18n, t } from "../i18n";

const CHANNEL = "vendomat.proof";
const WINDOW = "popup,width=520,height=720";

/** What a refusal means, in words; the cloud's own codes count, too. */
export function refusalText(why: string): string {
  const key = `provider.refused_${why}`;
  return i18n.has(key) ? t(key) : t("provider.refused_untrue");
}

/** Says to the page that waits how it went; an empty word is well. */
export function tellProof(why: string): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(why);
  channel.close();
}

/** Opens the provider in a window and hears how it went. Returns how to stop hearing. */
export function proveElsewhere(
  begin: () => Promise<Reply<Schemas["AddressView"]>>,
  onend: (reply: Reply<string>) => void,
): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = (event: MessageEvent<string>) => onend({ kind: "ok", value: event.data });
  const opened = window.open("", "vendomat-proof", WINDOW);  // at once: after an answer a browser takes it for a pest
  void begin().then((reply) => {
    if (reply.kind === "ok" && opened !== null) opened.location.href = reply.value.address;
    else opened?.close();
    if (reply.kind !== "ok") onend(reply);
  });
  return () => channel.close();
}
