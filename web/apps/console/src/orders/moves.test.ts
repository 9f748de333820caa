import { describe, expect, it } from "vitest";
import { moveBody, movePath } from "./moves";

const SLIP = { way: "cash", reference: "slip 7" } as const;

describe("what a person asks about money", () => {
  it.each([
    ["ask", "refund", {}],
    ["release", "refunds/x/release", {}],
    ["by_hand", "refunds/x/by-hand", { amount_minor: 350, ...SLIP }],
    ["keep", "payments/x/verdict", { verdict: "goods_by_hand" }],
    ["agree_give", "payments/x/verdict/agree", { verdict: "give_back" }],
    ["reopen", "payments/x/verdict/decline", {}],
  ] as const)("%s is asked for at its place with what it needs", (kind, path, body) => {
    expect(movePath(kind, "x")).toBe(path);
    expect(moveBody(kind, undefined, kind === "by_hand" ? 350 : undefined, SLIP)).toEqual(body);
  });

  it("sends on to a card, and without one to the merchant", () => {
    const card = { bank: "ICBC_DEBIT", account: "6222020200112233445", holder: "Ann" };
    expect(movePath("to_card", "x")).toBe("refunds/x/onward");
    expect(moveBody("to_card", undefined, undefined, SLIP, card)).toEqual({ card });
    expect(moveBody("to_us", undefined, undefined, SLIP, card)).toEqual({});
  });

  it("gives goodwill at its place among the refunds", () => {
    expect(moveBody("give", { amount_minor: 350, ordinal: 2 }, 100, SLIP)).toEqual({ amount_minor: 100, ordinal: 2 });
  });
});
