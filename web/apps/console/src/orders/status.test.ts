import { describe, expect, it } from "vitest";
import { orderStatus } from "./status";

const SETTLED = {
  state: "settled", closing: "", units: 2, units_delivered: 2, units_unknown: 0, refunded_minor: 0, refunding_minor: 0,
} as const;

describe("orderStatus", () => {
  it.each([
    [{}, "order.delivered", "ok"],
    [{ refunded_minor: 700 }, "order.extra_returned", "ok"],
    [{ units_delivered: 1, refunded_minor: 350 }, "order.partly_returned", "warn"],
    [{ units_delivered: 0, refunded_minor: 700 }, "order.returned", "crit"],
    [{ units_delivered: 0, units_unknown: 1, refunded_minor: 700 }, "order.unknown_returned", "warn"],
    [{ units_delivered: 1, refunded_minor: 0 }, "order.partly_taken", "warn"],
    [{ units_delivered: 0, refunded_minor: 0 }, "order.not_taken", "crit"],
    [{ state: "dispensing", refunding_minor: 350, units_delivered: 1 }, "order.refunding", "warn"],
    [{ state: "dispensing", units_delivered: 0 }, "order.dispensing", "accent"],
    [{ state: "dispensing", units_delivered: 0, units_unknown: 1 }, "order.unknown", "warn"],
    [{ state: "paid", units_delivered: 0 }, "order.paid", "accent"],
    [{ state: "awaiting_payment", units_delivered: 0 }, "order.awaiting_payment", "off"],
    [{ state: "awaiting_payment", closing: "expiring", units_delivered: 0 }, "order.closing", "off"],
    [{ state: "expired", units_delivered: 0 }, "order.expired", "off"],
    [{ state: "expired", units_delivered: 0, refunded_minor: 700 }, "order.late_returned", "warn"],
    [{ state: "cancelled", units_delivered: 0 }, "order.cancelled", "off"],
  ] as const)("%o is %s", (changes, word, tone) => {
    expect(orderStatus({ ...SETTLED, ...changes })).toEqual({ word, tone });
  });
});
