import { describe, expect, it } from "vitest";
import type { Evidence, OrderDetail, Refund } from "../api/views";
import { mayAskBack, refundMove } from "./refunds";

function refund(ordinal: number, state: Refund["state"], payment_id = "pay"): Refund {
  return { id: `${payment_id}-${ordinal}`, payment_id, ordinal, state } as Refund;
}

describe("what a person can do about a refund", () => {
  it.each([
    ["paid", [], "vend.started", true],
    ["dispensing", [], "vend.started", true],
    ["settled", [], "vend.delivered", false],
    ["paid", [], "refund.asked", false],
    ["dispensing", [refund(1, "requested")], "vend.started", false],
  ] as const)("%s %j after %s: asked back once, while it is open", (state, refunds, kind, may) => {
    const order: Pick<OrderDetail, "state" | "refunds" | "timeline"> = {
      state, refunds: [...refunds], timeline: [{ kind } as Evidence],
    };
    expect(mayAskBack(order)).toBe(may);
  });

  it.each([
    [[refund(1, "held")], "release"],
    [[refund(1, "failed")], "again"],
    [[refund(1, "processing")], undefined],
    [[refund(1, "succeeded")], undefined],
    [[refund(1, "failed"), refund(2, "requested")], undefined],
    [[refund(1, "failed"), refund(1, "succeeded", "other")], "again"],
  ] as const)("%#: its own state and its successors decide", (refunds, move) => {
    expect(refundMove(refunds[0], refunds)).toBe(move);
  });

  it("offers the last of several that were given up, and none that an earlier one made needless", () => {
    const twice = [refund(1, "failed"), refund(2, "failed")];
    expect(twice.map((one) => refundMove(one, twice))).toEqual([undefined, "again"]);
    const needless = [refund(1, "succeeded"), refund(2, "failed")];
    expect(needless.map((one) => refundMove(one, needless))).toEqual([undefined, undefined]);
  });
});
