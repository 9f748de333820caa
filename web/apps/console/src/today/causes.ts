/** A cause in words: what it is, what it costs, and what its one button says. */
import { alarmCause, alarmTitle } from "../alarms/words";
import type { Cause, Fix } from "../api/attentionViews";
import { href } from "../app/router.svelte";
import { i18n, t } from "../i18n";

export type ReasonedFix = "unlock_slot" | "release_refund" | "refund_again";

/** The fix when it wants a reason that is kept. */
export function reasonedFix(fix: Fix): ReasonedFix | undefined {
  return fix === "unlock_slot" || fix === "release_refund" || fix === "refund_again" ? fix : undefined;
}

/** Where an `open_…` fix leads; undefined for one that is made here. */
export function placeOf(cause: Cause): string | undefined {
  switch (cause.fix) {
    case "open_order":
      return href(`orders/${cause.order_id}`);
    case "open_machine":
      return href(`machines/${cause.machine_id}`);
    case "open_machines":
      return href("machines", { state: "offline" });
    case "open_ways":
      return href("ways");
    case "open_claims":
      return href("claims");
    case "open_reconciliation":
      return href("reconciliation");
    default:
      return undefined;
  }
}

export function causeTitle(cause: Cause): string {
  const key = `cause_title.${cause.kind}`;
  return i18n.has(key) ? t(key, { count: cause.count }) : alarmTitle(cause);
}

/** Why, in the reader's words: a machine's reasons one by one, of an alarm the last word of its detail. */
export function causeDetail(cause: Cause): string {
  if (cause.kind !== "machine.not_ready") return alarmCause(cause);
  const reasons = cause.detail.split(", ").filter((reason) => reason !== "");
  return reasons.map(reasonWord).join(" · ");
}

function reasonWord(reason: string): string {
  const key = `reason.${reason}`;
  return i18n.has(key) ? t(key) : reason;
}

/** "≈ ¥3.20 an hour", or nothing where no sale is lost. */
export function lossText(cause: Cause, currency: string): string {
  if (cause.loss_minor_per_hour === 0) return "";
  return t("attention.loss", { amount: i18n.estimate(cause.loss_minor_per_hour, currency) });
}

/** How the loss was reckoned, for whoever wants to know. */
export function lossReason(cause: Cause): string {
  if (cause.basis === "") return "";
  return t(`attention.basis_${cause.basis}`, { percent: Math.round(cause.share_ppm / 10_000) });
}
