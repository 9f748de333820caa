/** The slots that sell a product, gathered by machine. Pure. */
import type { Place } from "../api/goodsViews";
import type { Machine } from "../api/views";

export type PricedMachine = { id: string; number: string; name_zh: string; name_en: string; edit: number; prices: number[] };

/** One entry per machine in the order given, each price once. */
export function machinesOf(places: readonly Place[]): PricedMachine[] {
  const found = new Map<string, PricedMachine>();
  for (const place of places) {
    const { machine_id: id, number, name_zh, name_en, edit } = place;
    const machine = found.get(id) ?? { id, number, name_zh, name_en, edit, prices: [] };
    if (!machine.prices.includes(place.price_minor)) machine.prices.push(place.price_minor);
    found.set(id, machine);
  }
  return [...found.values()];
}

/** Those of `machines` that have `tag`; an empty one is had by all. */
export function taggedWith(machines: readonly PricedMachine[], fleet: readonly Pick<Machine, "id" | "tags">[], tag: string): readonly PricedMachine[] {
  const tagged = new Set(fleet.flatMap((one) => (one.tags.includes(tag) ? [one.id] : [])));
  return tag === "" ? machines : machines.filter((one) => tagged.has(one.id));
}
