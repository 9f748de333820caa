/** An alarm in words: what it is, why, and the one thing to do next. */
import { exponentOf, minorOf, type Tone } from "@vendomat/ui";
import type { Alarm } from "../api/views";
import { moment } from "../app/moments";
import type { AlarmEntry } from "../api/attentionViews";
import { i18n, t } from "../i18n";
import { channelWord } from "../orders/words";

export function alarmTone(alarm: Alarm): Tone {
  if (alarm.state === "cleared") return "ok";
  if (alarm.state === "passed") return "off";
  return alarm.severity === "critical" ? "crit" : "warn";
}

export function alarmTitle(alarm: Pick<Alarm, "kind">): string {
  const key = `alarm.${alarm.kind}`;
  return i18n.has(key) ? t(key) : alarm.kind;
}

/** Where it is: the machine, and the slot if it is one's. */
export function placeWords(alarm: Pick<Alarm, "machine_number" | "slot">): string {
  return alarm.slot === "" ? alarm.machine_number : t("alarms.place", { machine: alarm.machine_number, slot: alarm.slot });
}

/** Details that the cloud writes with numbers in them, as the reader's language says them. */
const SAID: readonly (readonly [RegExp, (one: string, two: string) => string])[] = [
  [/^(\d+) sold, (\d+) usual$/, (sold, usual) => t("cause.quiet", { sold, usual })],
  [/^(\d+) claims? /, (count) => t("cause.claims", { count: Number(count) })],
  [/^not heard of since (\S+) (\S+) UTC$/, (day, time) => t("cause.silent_since", { moment: moment(`${day}T${time}Z`, i18n.locale) })],
  [/^(\d+) machines are not heard of$/, (count) => t("cause.machines", { count: Number(count) })],
  [/^a run with epoch (\d+) spoke, the newest known is (\d+)$/, (epoch, newest) => t("cause.old_run", { epoch, newest })],
  [/^((?:wechat|alipay|stripe)(?:, (?:wechat|alipay|stripe))*)$/, (channels) => channels.split(", ").map(channelWord).join(" · ")],
  [/: counted (\S+ [A-Z]{3}), expected (\S+ [A-Z]{3})$/, (counted, expected) => t("cause.cash", { counted: amount(counted), expected: amount(expected) })],
  [/: (\d+) refused, nothing was done$/, (count) => t("cause.refused", { count: Number(count) })],
];

/** "12.30 CNY" as the reader's language writes it. */
function amount(text: string): string {
  const [decimal = "", currency = ""] = text.split(" ");
  const minor = minorOf(decimal, exponentOf(currency));
  return minor === undefined ? text : i18n.money(minor, currency);
}

/** The last word of the detail ("… unit 1: jam"), or all of it, in the reader's language where that has words for it. */
export function alarmCause(alarm: Pick<Alarm, "detail">): string {
  for (const [form, say] of SAID) {
    const found = form.exec(alarm.detail);
    if (found !== null) return say(found[1] ?? "", found[2] ?? "");
  }
  const cause = alarm.detail.split(": ").at(-1) ?? "";
  const key = `cause.${cause}`;
  return i18n.has(key) ? t(key) : cause;
}

/** Its slot is opened by a person who says why, and that clears it. */
export const SLOT_LOCKED = "slot_locked";

export type NextMove = { move: "acknowledge" | "clear"; word: string; isAsking: boolean };

/** Seen first, then cleared. Clearing what closed a slot opens it again, so that is asked before. */
export function nextMove(alarm: Alarm): NextMove | undefined {
  if (alarm.kind === SLOT_LOCKED && alarm.state !== "cleared") return { move: "clear", word: t("alarms.unlock"), isAsking: true };
  if (alarm.state === "raised" || alarm.state === "passed") return { move: "acknowledge", word: t("alarms.acknowledge"), isAsking: false };
  if (alarm.state === "cleared") return undefined;
  const isSlot = alarm.slot !== "";
  return { move: "clear", word: t(isSlot ? "alarms.clear_slot" : "alarms.clear"), isAsking: isSlot };
}

/** Every kind an alarm can have, for rules and filters. */
export const ALARM_KINDS = [
  "vend_failed", "vend_unknown", "slot_locked", "machine.offline", "machines.offline", "machine.not_ready", "machine.quiet",
  "payment_unknown", "payment_mismatch", "payment_short", "refund_held", "refund_stuck", "refund_open", "refund_paid_twice",
  "hold_open", "hold_uncollected", "hold_mismatch", "delivered_after_refund", "channel_away", "bill_missing", "claim_old",
  "claims_many", "cash.difference", "cash.not_booked", "code.locked", "code.guessing", "machine.clone", "machine.security",
  "machine.fact_conflict", "machine.temperature",
] as const;

/** A line of its timeline in words. */
export function entryWords(entry: Pick<AlarmEntry, "what" | "said">): string {
  if (entry.what === "comment") return entry.said;
  if (entry.what === "raised" && entry.said !== "")
    return t("alarm_entry.raised_as", { severity: t(entry.said === "critical" ? "severity.critical" : "severity.warning") });
  if (entry.what === "assigned") return entry.said === "" ? t("alarm_entry.assigned_to_nobody") : t("alarms.given_to", { name: entry.said });
  if (entry.what === "snoozed") return entry.said === "" ? t("alarms.take_up") : t("alarm_entry.snoozed_until", { moment: moment(entry.said, i18n.locale) });
  const key = `alarm_entry.${entry.what}`;
  return i18n.has(key) ? t(key, { name: entry.said }) : entry.what;
}
