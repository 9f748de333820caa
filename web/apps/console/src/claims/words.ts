/** A claim in words: how it stands, and what its records say. */
import type { Tone } from "@vendomat/ui";
import type { Claim, ClaimState } from "../api/claimViews";
import { i18n, t } from "../i18n";

const OLD_AFTER_MS = 24 * 3600 * 1000;
const TONES: Readonly<Record<ClaimState, Tone>> = { opened: "warn", reopened: "warn", granted: "ok", declined: "off", refused: "off" };

export function claimTone(claim: Pick<Claim, "state" | "since">, now: number): Tone {
  return isOpen(claim) && isOld(claim, now) ? "crit" : TONES[claim.state];
}

export function isOpen(claim: Pick<Claim, "state">): boolean {
  return claim.state === "opened" || claim.state === "reopened";
}

/** Whether it has waited for longer than a day. */
export function isOld(claim: Pick<Claim, "since">, now: number): boolean {
  return now - Date.parse(claim.since) > OLD_AFTER_MS;
}

/** What the order's own records say, in one line. */
export function recordsLine(claim: Claim): string {
  const parts = [t(`claims.records_${claim.records}`, { delivered: claim.units_delivered, units: claim.units })];
  const returned = claim.returned_minor;
  if (returned > 0) parts.push(t("claims.returned", { amount: i18n.money(returned, claim.currency) }));
  if (claim.returning_minor > 0) parts.push(t("claims.returning", { amount: i18n.money(claim.returning_minor, claim.currency) }));
  return parts.join(" · ");
}
