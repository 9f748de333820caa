/**
 * The evidence of an order as a story: which phase a line belongs to, which tone it has, and the values its sentence
 * needs. Pure. The sentences stand in the catalogues under `timeline.<kind>`; a kind without a sentence is shown by its
 * name, never left out.
 */
import type { Tone } from "@vendomat/ui";
import type { Evidence } from "../api/views";

export type Phase = "order" | "money" | "command" | "motor" | "sensor" | "refund";

const PHASES: readonly (readonly [string, Phase])[] = [
  ["vend.started", "motor"],
  ["vend.called_off", "command"],
  ["vend.", "sensor"],
  ["command.", "command"],
  ["refund.", "refund"],
  ["payment.", "money"],
  ["order.paid", "money"],
];

const TONES: Readonly<Record<string, Tone>> = {
  "payment.paid": "ok", "order.paid": "ok", "vend.delivered": "ok", "order.settled": "ok", "refund.succeeded": "ok",
  "vend.not_delivered": "crit", "vend.found": "off", "command.never_sent": "crit", "refund.given_up": "crit", "refund.never": "crit",
  "vend.unknown": "warn", "vend.declared_ambiguous": "warn", "command.fencing": "warn", "payment.unknown": "warn",
  "payment.late": "warn", "payment.judged": "warn", "payment.verdict_declined": "off",
  "claim.opened": "warn", "claim.reopened": "warn", "claim.granted": "ok", "claim.declined": "off", "claim.fell_through": "warn",
  "channel.away": "crit", "channel.back": "ok",
  "refund.requested": "warn", "refund.unknown": "warn", "refund.refused": "warn", "refund.not_accepted": "warn",
  "refund.held": "crit", "refund.goodwill": "warn", "refund.declined": "off", "refund.by_hand": "warn", "refund.send_on_asked": "warn", "refund.sent_on": "warn", "refund.came_back": "crit", "refund.asked": "warn",
  "vend.called_off": "warn", "order.expired": "off", "order.cancelled": "off", "order.expiring": "off",
  "order.cancelling": "off", "payment.closed": "off",
  "payment.held": "ok", "payment.captured": "ok", "payment.released": "off", "payment.lapsed": "crit",
};

export function phaseOf(kind: string): Phase {
  return PHASES.find(([start]) => kind.startsWith(start))?.[1] ?? "order";
}

export function toneOf(kind: string): Tone {
  return TONES[kind] ?? "accent";
}

type Facts = { slot: string; unit: string; channel: string; amountMinor: number | undefined; heldMinor: number | undefined };

/** The values of a sentence that stand in the data under these names; what is absent is empty, never a hole. */
export function factsOf(entry: Evidence): Facts {
  const { data } = entry;
  const amount = data["amount_minor"] ?? data["total_minor"];
  return {
    slot: textOf(data["slot"]),
    unit: textOf(data["unit"]),
    channel: textOf(data["channel"]),
    amountMinor: typeof amount === "number" && Number.isSafeInteger(amount) ? amount : undefined,
    heldMinor: numberOf(data["held_minor"]),
  };
}

/** The currency of a line's amount, where it is not the order's. */
export function currencyOf(entry: Evidence): string {
  return textOf(entry.data["currency"]);
}

/** The word that explains a line: what the machine or the platform gave as its reason; nothing where all went well. */
export function reasonOf(entry: Evidence): string {
  const { data } = entry;
  if (typeof data["finding"] === "string") return data["finding"];
  const result = textOf(data["result"]);
  if (result === "delivered") return "";
  return result || textOf(data["reason"]) || textOf(data["error"]);
}

/** What the machine measured: how long the motor ran and when the goods were seen to drop. */
export function measuredOf(entry: Evidence): { motorMs: number | undefined; dropMs: number | undefined } {
  return { motorMs: numberOf(entry.data["motor_ms"]), dropMs: numberOf(entry.data["drop_ms"]) };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
