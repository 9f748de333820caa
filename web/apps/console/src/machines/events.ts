/** Something that happened to a machine, in words and with a mark. */
import type { Tone } from "@vendomat/ui";
import { alarmTitle, entryWords } from "../alarms/words";
import type { MachineEvent } from "../api/views";
import { wordOf } from "../audit/words";
import { i18n, t } from "../i18n";

export const SOURCES = ["", "alarm", "sale", "change", "start"] as const;
export type EventSource = (typeof SOURCES)[number];

export function eventTitle(event: MachineEvent): string {
  switch (event.source) {
    case "alarm": {
      const place = event.slot === "" ? "" : ` · ${event.slot}`;
      return alarmTitle({ kind: event.subject }) + place;
    }
    case "change":
      return wordOf(event.kind);
    case "sale":
      return t("events.sale", { amount: i18n.money(event.amount_minor, event.currency) });
    default:
      return t("events.started", { epoch: event.subject });
  }
}

/** What became of it, or why. */
export function eventNote(event: MachineEvent): string {
  if (event.source === "alarm") return entryWords({ what: event.kind, said: event.said });
  return event.source === "sale" ? t(`order.filter_${event.kind}` as "order.filter_settled") : event.source === "change" ? event.said : "";
}

export function eventTone(event: MachineEvent): Tone {
  if (event.source === "alarm") return event.kind === "raised" ? (event.said === "critical" ? "crit" : "warn") : event.kind === "cleared" || event.kind === "passed" ? "ok" : "off";
  return event.source === "sale" && event.kind === "settled" ? "ok" : "off";
}
