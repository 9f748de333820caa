/** An alarm in words: what it is, why, and the one thing to do next. */
import type { Tone } from "@vendomat/ui";
import type { Alarm } from "../api/views";
import { i18n, t } from "../i18n";

export function alarmTone(alarm: Alarm): Tone {
  if (alarm.state === "cleared") return "ok";
  return alarm.severity === "critical" ? "crit" : "warn";
}

export function alarmTitle(alarm: Pick<Alarm, "kind">): string {
  const key = `alarm.${alarm.kind}`;
  return i18n.has(key) ? t(key) : alarm.kind;
}

/** The last word of the detail ("… unit 1: jam") in the reader's language; the rest stands in the linked order. */
export function alarmCause(alarm: Pick<Alarm, "detail">): string {
  const cause = alarm.detail.slice(alarm.detail.lastIndexOf(": ") + (alarm.detail.includes(": ") ? 2 : 0));
  const key = `cause.${cause}`;
  return i18n.has(key) ? t(key) : cause;
}

/** Its slot is opened by a person who says why, and that clears it. */
export const SLOT_LOCKED = "slot_locked";

export type NextMove = { move: "acknowledge" | "clear"; word: string; isAsking: boolean };

/** Seen first, then cleared. Clearing what closed a slot opens it again, so that is asked before. */
export function nextMove(alarm: Alarm): NextMove | undefined {
  if (alarm.kind === SLOT_LOCKED && alarm.state !== "cleared") return { move: "clear", word: t("alarms.unlock"), isAsking: true };
  if (alarm.state === "raised") return { move: "acknowledge", word: t("alarms.acknowledge"), isAsking: false };
  if (alarm.state === "cleared") return undefined;
  const isSlot = alarm.slot !== "";
  return { move: "clear", word: t(isSlot ? "alarms.clear_slot" : "alarms.clear"), isAsking: isSlot };
}
