/** What an order's numbers mean in one word and one tone. Pure. */
import type { Tone } from "@vendomat/ui";
import type { MessageKey } from "../i18n";
import type { Order, UnitOutcome } from "../api/views";

export type Status = { tone: Tone; word: MessageKey };

type Facts = Pick<
  Order,
  "state" | "closing" | "units" | "units_delivered" | "units_unknown" | "refunded_minor" | "refunding_minor"
>;

/** Money under way beats everything: it is what somebody may ask about. */
export function orderStatus(order: Facts): Status {
  if (order.refunding_minor > 0) return { tone: "warn", word: "order.refunding" };
  if (order.state === "settled") return settledStatus(order);
  if (order.state === "expired" || order.state === "cancelled") {
    if (order.refunded_minor > 0) return { tone: "warn", word: "order.late_returned" };
    return { tone: "off", word: order.state === "expired" ? "order.expired" : "order.cancelled" };
  }
  if (order.closing !== "") return { tone: "off", word: "order.closing" };
  if (order.state === "awaiting_payment") return { tone: "off", word: "order.awaiting_payment" };
  if (order.units_unknown > 0) return { tone: "warn", word: "order.unknown" };
  return { tone: "accent", word: order.state === "paid" ? "order.paid" : "order.dispensing" };
}

function settledStatus(order: Facts): Status {
  if (order.units_delivered === order.units) {
    return { tone: "ok", word: order.refunded_minor > 0 ? "order.extra_returned" : "order.delivered" };
  }
  if (order.refunded_minor === 0) {
    return order.units_delivered > 0 ? { tone: "warn", word: "order.partly_taken" } : { tone: "crit", word: "order.not_taken" };
  }
  if (order.units_unknown > 0) return { tone: "warn", word: "order.unknown_returned" };
  if (order.units_delivered > 0) return { tone: "warn", word: "order.partly_returned" };
  return { tone: "crit", word: "order.returned" };
}

const UNIT_TONES: Readonly<Record<UnitOutcome, Tone>> = {
  pending: "off", started: "accent", delivered: "ok", not_delivered: "crit", unknown: "warn",
};

export function unitTone(outcome: UnitOutcome): Tone {
  return UNIT_TONES[outcome];
}
