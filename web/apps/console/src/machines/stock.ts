/** What a person says of slots: how many went in, came out, or are there. Pure. */
import type { Slot, StockWish } from "../api/views";

export const DEEDS = ["fill", "count", "remove"] as const satisfies readonly StockWish["deed"][];
export type Deed = (typeof DEEDS)[number];
export type Typed = Readonly<Record<string, number | undefined>>;

/** The most that may be said of a slot. */
export function mostOf(deed: Deed, slot: Slot): number {
  if (deed === "count") return 200;
  return deed === "fill" ? Math.max(0, slot.capacity - slot.on_hand) : Math.max(0, slot.on_hand - slot.reserved);
}

/** Every slot filled to the brim, counted as the books have it, or emptied. */
export function allOf(deed: Deed, slots: readonly Slot[]): Typed {
  return Object.fromEntries(slots.map((slot) => [slot.slot, deed === "count" ? slot.on_hand : mostOf(deed, slot)]));
}

/** What is sent: slots of which nothing was said are left alone, and so are those where nothing went in or out. */
export function wishOf(deed: Deed, typed: Typed, reason: string): StockWish | undefined {
  const slots = Object.entries(typed).flatMap(([slot, quantity]) =>
    quantity === undefined || (deed !== "count" && quantity === 0) ? [] : [{ slot, quantity }],
  );
  if (slots.length === 0 || (deed === "remove" && reason.trim() === "")) return undefined;
  return { deed, slots, reason: reason.trim() };
}
