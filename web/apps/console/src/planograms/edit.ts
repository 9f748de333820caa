/** A plan on its way: slots as they are moved, swapped, priced and taken away before anybody saves them. Pure. */
import type { ChangeKind, Misfit, ModelSlot, PlanModel, PlanSlot } from "../api/goodsViews";

export const SLOT_FORM = /^[A-Z0-9]{1,6}$/;
export const CAPACITY_MAX = 100;
const CAPACITY_USUAL = 8;

/** A2 before A10, rows first: the order in which people see the slots. */
export function inOrder<Row extends { slot: string }>(slots: readonly Row[]): Row[] {
  return [...slots].sort((left, right) => compareSlots(left.slot, right.slot));
}

export function compareSlots(left: string, right: string): number {
  const [a, b] = [partsOf(left), partsOf(right)];
  return compare(a.row, b.row) || a.number - b.number || compare(a.rest, b.rest);
}

/** The slots in the rows of the machine; those without a letter make one row. */
export function planRows<Row extends { slot: string }>(slots: readonly Row[]): Row[][] {
  const rows = new Map<string, Row[]>();
  for (const slot of slots) rows.set(partsOf(slot.slot).row, [...(rows.get(partsOf(slot.slot).row) ?? []), slot]);
  return [...rows.values()];
}

/** `slots` with one of them as it is now; a new one takes its place in the order. */
export function withSlot(slots: readonly PlanSlot[], slot: PlanSlot): PlanSlot[] {
  return inOrder([...slots.filter((one) => one.slot !== slot.slot), slot]);
}

export function withoutSlot(slots: readonly PlanSlot[], slot: string): PlanSlot[] {
  return slots.filter((one) => one.slot !== slot);
}

/** What two slots hold changes places; each keeps its own room. Into an empty one, which has `room`, it moves. */
export function swapped(slots: readonly PlanSlot[], from: string, to: string, room?: number): PlanSlot[] {
  const [one, other] = [slots.find((slot) => slot.slot === from), slots.find((slot) => slot.slot === to)];
  if (one !== undefined && other === undefined && room !== undefined) return withSlot(withoutSlot(slots, from), { ...one, slot: to, capacity: room });
  if (one === undefined || other === undefined || from === to) return [...slots];
  const filled = (room: PlanSlot, goods: PlanSlot): PlanSlot => ({ ...goods, slot: room.slot, capacity: room.capacity });
  return slots.map((slot) => (slot === one ? filled(one, other) : slot === other ? filled(other, one) : slot));
}

/** A name for one more slot: the next of the last row. */
export function nextSlot(slots: readonly PlanSlot[]): string {
  const last = inOrder(slots).at(-1);
  if (last === undefined) return "A1";
  const { row, number } = partsOf(last.slot);
  const name = `${row}${number + 1}`;
  return SLOT_FORM.test(name) ? name : "";
}

export function newSlot(name: string, productId: string, priceMinor: number, capacity = CAPACITY_USUAL): PlanSlot {
  return { slot: name, product_id: productId, price_minor: priceMinor, capacity };
}

/** The slots of the machine's model that the plan leaves empty. */
export function emptySlots(slots: readonly PlanSlot[], model: Pick<PlanModel, "slots"> | null): ModelSlot[] {
  return (model?.slots ?? []).filter((room) => !slots.some((one) => one.slot === room.slot));
}

/** What of a plan does not fit the machine's model, as the cloud judges it. */
export function misfits(slots: readonly PlanSlot[], model: Pick<PlanModel, "slots" | "is_cooled"> | null, isPerishable: (productId: string) => boolean): Misfit[] {
  if (model === null) return [];
  const rooms = new Map(model.slots.map((room) => [room.slot, room.capacity]));
  return slots.flatMap(({ slot, capacity, product_id }) => {
    const room = rooms.get(slot);
    const found: Misfit[] = [];
    if (room === undefined) found.push({ slot, kind: "no_slot" });
    else if (capacity > room) found.push({ slot, kind: "too_many" });
    if (!model.is_cooled && isPerishable(product_id)) found.push({ slot, kind: "not_cooled" });
    return found;
  });
}

/** How each slot differs from what is sold; one that does not is missing. */
export function differences(sold: readonly PlanSlot[], wanted: readonly PlanSlot[]): Map<string, ChangeKind> {
  const [old, next] = [bySlot(sold), bySlot(wanted)];
  const found = new Map<string, ChangeKind>();
  for (const slot of new Set([...old.keys(), ...next.keys()])) {
    const [before, after] = [old.get(slot), next.get(slot)];
    if (before === undefined) found.set(slot, "added");
    else if (after === undefined) found.set(slot, "removed");
    else if (before.product_id !== after.product_id) found.set(slot, "swapped");
    else if (!isSame(before, after)) found.set(slot, "changed");
  }
  return found;
}

/** `mine`, which was made from `base`, on top of `theirs`: what I left alone follows them, what I changed stays. */
export function onTop(mine: readonly PlanSlot[], base: readonly PlanSlot[], theirs: readonly PlanSlot[]): PlanSlot[] {
  const touched = differences(base, mine);
  const [own, news] = [bySlot(mine), bySlot(theirs)];
  for (const slot of touched.keys()) {
    const wanted = own.get(slot);
    if (wanted === undefined) news.delete(slot);
    else news.set(slot, wanted);
  }
  return inOrder([...news.values()]);
}

/** The slot that an arrow key leads to, in a grid of rows; the same one at an edge. */
export function neighbour(rows: readonly (readonly { slot: string }[])[], slot: string, key: string): string {
  const y = rows.findIndex((row) => row.some((one) => one.slot === slot));
  const x = rows[y]?.findIndex((one) => one.slot === slot) ?? -1;
  const step: Record<string, readonly [number, number]> = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const [down, right] = step[key] ?? [0, 0];
  const row = rows[y + down];
  return row?.[Math.min(x, row.length - 1) + right]?.slot ?? slot;
}

function isSame(left: PlanSlot, right: PlanSlot): boolean {
  return left.product_id === right.product_id && left.price_minor === right.price_minor && left.capacity === right.capacity;
}

function bySlot(slots: readonly PlanSlot[]): Map<string, PlanSlot> {
  return new Map(slots.map((slot) => [slot.slot, slot]));
}

function partsOf(slot: string): { row: string; number: number; rest: string } {
  const found = /^([A-Z]*)(\d*)(.*)$/.exec(slot);
  return { row: found?.[1] ?? "", number: Number(found?.[2] || 0), rest: found?.[3] ?? "" };
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
