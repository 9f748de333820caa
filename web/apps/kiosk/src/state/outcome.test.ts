import type { Sale, UnitOutcome } from "@vendomat/api";
import { describe, expect, it } from "vitest";
import { holdWord, progress, summarise } from "./outcome";

function saleWith(...outcomes: UnitOutcome[]): Sale {
  return {
    order_id: "ord_1",
    reference: "8F2K",
    kind: "payment",
    ways: {},
    total_minor: 0,
    currency: "CNY",
    channel: "wechat",
    lines: [{ slot: "A1", product_id: "p", quantity: outcomes.length, price_minor: 350 }],
    payment: { state: "paid", qr_svg: "", wallet_url: "", expires_in_ms: 0, expires_total_ms: 0, takes_codes: false, charge: null },
    units: outcomes.map((outcome, index) => ({ unit: index + 1, slot: "A1", product_id: "p", outcome, reason: "", price_minor: null })),
    refund: null,
    receipt: null,
    hold: null,
    close_in_ms: null,
  };
}

describe("summarise", () => {
  it.each([
    [["delivered", "delivered"], "delivered", 0],
    [["delivered", "not_delivered"], "partly", 350],
    [["not_delivered", "not_delivered"], "not_delivered", 700],
    [["delivered", "unknown"], "unknown", 0],
    [["not_delivered", "unknown"], "unknown", 350],
    [["pending"], "closed", 0],
    [[], "closed", 0],
  ] as [UnitOutcome[], string, number][])("%j is %s", (outcomes, kind, missingMinor) => {
    expect(summarise(saleWith(...outcomes))).toMatchObject({ kind, missingMinor });
  });
});

it("counts a missing unit at what was paid for it", () => {
  const sale = saleWith("delivered", "not_delivered");
  const units = sale.units.map((unit) => ({ ...unit, price_minor: 233 }));
  expect(summarise({ ...sale, units }).missingMinor).toBe(233);
});

describe("money that is taken after the goods", () => {
  it.each([
    ["held", ["delivered"], "held"],
    ["held", ["delivered", "not_delivered"], "held"],
    ["held", ["not_delivered", "not_delivered"], "nothing"],
    ["held", ["not_delivered", "unknown"], "held"],
    ["held", ["pending"], "held"],
    ["released", ["not_delivered"], "nothing"],
    ["released", ["unknown"], "nothing"],
    ["taken", ["delivered", "not_delivered"], "taken"],
  ] as ["held" | "released" | "taken", UnitOutcome[], string][])("%s with %j: %s", (state, outcomes, word) => {
    expect(holdWord({ state, amount_minor: 700, channel: "stripe" }, summarise(saleWith(...outcomes)))).toBe(word);
  });
});

it("progress counts decided units only", () => {
  expect(progress(saleWith("delivered", "started", "pending", "not_delivered").units)).toBe(0.5);
  expect(progress([])).toBe(0);
});
