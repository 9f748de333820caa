/** What the result page says about a sale, from the outcomes of its units. Pure. */
import type { Hold, Sale, SaleLine, Unit } from "@vendomat/api";

export type ResultKind = "delivered" | "partly" | "not_delivered" | "unknown" | "closed";
export type Result = {
  kind: ResultKind;
  delivered: number;
  total: number;
  /** What is owed for units that surely did not drop. */
  missingMinor: number;
};

export function priceOf(lines: readonly SaleLine[], slot: string): number {
  return lines.find((line) => line.slot === slot)?.price_minor ?? 0;
}

function count(units: readonly Unit[], outcome: Unit["outcome"]): number {
  return units.filter((unit) => unit.outcome === outcome).length;
}

/** An unknown unit decides before all others: as long as one is open, nothing final is said about the whole. */
export function summarise(sale: Sale): Result {
  const delivered = count(sale.units, "delivered");
  const total = sale.units.length;
  const missing = sale.units.filter((unit) => unit.outcome === "not_delivered");
  const missingMinor = missing.reduce((sum, unit) => sum + (unit.price_minor ?? priceOf(sale.lines, unit.slot)), 0);
  return { kind: resultKind(sale, delivered, missing.length), delivered, total, missingMinor };
}

function resultKind(sale: Sale, delivered: number, missing: number): ResultKind {
  const total = sale.units.length;
  if (count(sale.units, "unknown") > 0) return "unknown";
  if (total > 0 && delivered === total) return "delivered";
  if (delivered > 0) return "partly";
  if (missing > 0) return "not_delivered";
  return "closed";
}

export type HoldWord = "held" | "taken" | "nothing";

/** What is said about money that is only reserved: nothing of it is taken where it is sure that no goods came. */
export function holdWord(hold: Hold, result: Result): HoldWord {
  if (hold.state === "taken") return "taken";
  const isDecided = result.kind !== "unknown" && result.missingMinor > 0;
  return hold.state === "released" || (isDecided && result.delivered === 0) ? "nothing" : "held";
}

/** Units whose fate is decided, as a share from 0 to 1. */
export function progress(units: readonly Unit[]): number {
  const open = count(units, "pending") + count(units, "started");
  return units.length === 0 ? 0 : (units.length - open) / units.length;
}
