/** The day's figures from what the cloud told: sums over machines, and what went back of today's orders. Pure. */
import { dayOf } from "../app/moments";
import type { Machine, Order } from "../api/views";

export type Figures = {
  salesMinor: number;
  units: number;
  currency: string;
  online: number;
  machines: number;
  soldOut: number;
  closed: number;
};

/** Sums over the machines of the first one's currency: amounts of different currencies are never added. */
export function figuresOf(machines: readonly Machine[], currency: string): Figures {
  const own = machines.filter((machine) => machine.sales_today.currency === currency);
  return {
    salesMinor: total(own, (machine) => machine.sales_today.amount_minor),
    units: total(machines, (machine) => machine.sales_today.count),
    currency,
    online: machines.filter((machine) => machine.state === "online" || machine.state === "attention").length,
    machines: machines.filter((machine) => machine.state !== "new").length,
    soldOut: total(machines, (machine) => machine.slots.sold_out),
    closed: total(machines, (machine) => machine.slots.closed),
  };
}

export type Returned = { returnedMinor: number; returningMinor: number; isWhole: boolean };

/** What went back of the orders made today (by the day of their machine). `isWhole` says whether all of them were seen. */
export function returnedOf(
  orders: readonly Order[], hasMore: boolean, now: number, zoneOf: (machineId: string) => string | undefined,
): Returned {
  const isToday = (order: Order) => dayOf(order.created_at, zoneOf(order.machine_id)) === dayOf(now, zoneOf(order.machine_id));
  const today = orders.filter(isToday);
  const last = orders.at(-1);
  return {
    returnedMinor: total(today, (order) => order.refunded_minor),
    returningMinor: total(today, (order) => order.refunding_minor),
    isWhole: !hasMore || last === undefined || !isToday(last),
  };
}

function total<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}
