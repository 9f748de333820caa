import { describe, expect, it } from "vitest";
import type { Machine, Order } from "../api/views";
import { figuresOf, returnedOf } from "./figures";

function machine(state: Machine["state"], amount_minor: number, currency = "CNY"): Machine {
  return { state, slots: { ok: 9, sold_out: 2, closed: 1 }, sales_today: { count: 3, amount_minor, currency } } as Machine;
}

function order(created_at: string, refunded_minor: number, refunding_minor = 0): Order {
  return { machine_id: "m", created_at, refunded_minor, refunding_minor } as Order;
}

describe("figuresOf", () => {
  it("sums, and never adds two currencies", () => {
    const figures = figuresOf([machine("online", 500), machine("offline", 250), machine("attention", 99, "JPY")], "CNY");
    expect(figures).toMatchObject({ salesMinor: 750, units: 9, online: 2, machines: 3, soldOut: 6, closed: 3 });
  });
});

describe("returnedOf", () => {
  const now = Date.parse("2026-03-02T01:00:00Z"); // 09:00 in Shanghai, still the 1st in New York
  const zone = (name: string) => () => name;

  it("counts the orders of the machine's own day", () => {
    const orders = [order("2026-03-01T17:00:00Z", 300, 50), order("2026-03-01T15:00:00Z", 900)];
    expect(returnedOf(orders, false, now, zone("Asia/Shanghai"))).toEqual({ returnedMinor: 300, returningMinor: 50, isWhole: true });
    expect(returnedOf(orders, false, now, zone("America/New_York")).returnedMinor).toBe(1200);
  });

  it("says when there may be more of today", () => {
    expect(returnedOf([order("2026-03-01T17:00:00Z", 1)], true, now, zone("Asia/Shanghai")).isWhole).toBe(false);
    expect(returnedOf([order("2026-03-01T15:00:00Z", 1)], true, now, zone("Asia/Shanghai")).isWhole).toBe(true);
  });
});
