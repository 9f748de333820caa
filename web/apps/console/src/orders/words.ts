/** An order in words. */
import { i18n, t } from "../i18n";

export function channelWord(channel: string): string {
  const key = `channel.${channel}`;
  if (channel === "") return t("app.none");
  return i18n.has(key) ? t(key) : channel;
}

/** A word of the machine or a platform (`jam`, `machine unreachable`) in the reader's language, else as it was said. */
export function causeWord(cause: string): string {
  const key = `cause.${cause}`;
  return i18n.has(key) ? t(key) : cause;
}

/** The short form of an order's id, as the buyer's screen shows it: the last eight characters in two groups. */
export function referenceOf(id: string): string {
  const tail = id.slice(-8).toUpperCase();
  return `${tail.slice(0, 4)}-${tail.slice(4)}`;
}
