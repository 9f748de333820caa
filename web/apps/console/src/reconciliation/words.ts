/** A day and an item in words and tones. */
import type { Tone } from "@vendomat/ui";
import type { Bill, BillKind, BillRequest, ReconDay, ReconItem } from "../api/views";
import { counted } from "../app/share";
import { i18n, t } from "../i18n";

export type DayState = "open" | "closed" | "waiting";

/** A day that was never run waits for its bill: there is nothing to look at yet. */
export function dayState(day: ReconDay): DayState {
  return day.state === "open" && day.runs === 0 ? "waiting" : day.state;
}

export function dayTone(day: ReconDay): Tone {
  if (day.state === "closed") return "ok";
  return day.unexplained > 0 ? "warn" : "off";
}

export function itemTone(item: ReconItem): Tone {
  if (item.state !== "open") return "ok";
  return item.fix === "wait" || item.fix.startsWith("look_up") ? "off" : "warn";
}

/** What it is: a payment that is in both books, and once more in the bill, is said so. */
export function itemTitle(item: ReconItem): string {
  return t(item.cls === "long" && item.our_minor !== null ? "recon.class_again" : `recon.class_${item.cls}`);
}

/** How a day is named in an address. */
export function placeOf(day: ReconDay): string {
  return `${day.channel}/${day.account}/${day.day}`;
}

export const BILL_KINDS = ["trade", "fund_flow"] as const satisfies readonly BillKind[];

/** Platforms whose bills people can download as files; the others answer programs only. */
export const MAKES_FILES: ReadonlySet<string> = new Set(["wechat", "alipay"]);

export function billTone(bill: Bill | undefined): Tone {
  if (bill === undefined) return "off";
  return bill.state === "kept" || bill.state === "empty" ? "ok" : "crit";
}

export function isUnderWay(request: BillRequest | null | undefined): boolean {
  return request !== null && request !== undefined && request.ended_at === null;
}

/** How far it has come. Of a file the rows are known once it was read; of the platform's answer they are not. */
export function requestWords({ state, kind, rows_read, rows_matched, asked_by_name }: BillRequest): string {
  const [all, rows] = [counted(rows_read, i18n.locale), counted(rows_matched, i18n.locale)];
  if (state === "done") return t("bills.done", { rows, who: asked_by_name });
  if (state === "matching") return kind === "trade" ? t("bills.matching_of", { rows, all }) : t("bills.matching", { rows });
  return state === "reading" && kind !== "" ? t("bills.reading", { rows: all }) : t("bills.waiting");
}
