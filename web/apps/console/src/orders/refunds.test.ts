import { describe, expect, it } from "vitest";
import type { Refund } from "../api/views";
import { refundMove } from "./refunds";

function refund(ordinal: number, state: Refund["state"], payment_id = "pay"): Refund {
  return { id: `${payment_id}-${ordinal}`, payment_id, ordinal, state } as Refund;
}

describe("what a person can do about a refund", () => {
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
