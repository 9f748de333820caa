/** A pickup code in words. */
import type { Tone } from "@vendomat/ui";
import type { PickupCode } from "../api/views";
import type { MessageKey } from "../i18n";

/** Expiry is not a state of its own: a code that was never used and whose time is over. */
export function codeStatus(code: Pick<PickupCode, "state" | "expires_at">, now: number): { tone: Tone; word: MessageKey } {
  if (code.state === "redeemed") return { tone: "ok", word: "code.redeemed" };
  if (code.state === "withdrawn") return { tone: "off", word: "code.withdrawn" };
  return Date.parse(code.expires_at) <= now ? { tone: "off", word: "code.expired" } : { tone: "accent", word: "code.issued" };
}

/** Eight digits in two groups of four, as people read and type them. */
export function grouped(digits: string): string {
  return `${digits.slice(0, 4)} ${digits.slice(4)}`;
}
