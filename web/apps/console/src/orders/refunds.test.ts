import { describe, expect, it } from "vitest";
import type { Evidence, OrderDetail, Payment, Refund } from "../api/views";
import { mayAskBack, mostToGive, refundMoves, verdictMoves } from "./refunds";

function refund(ordinal: number, state: Refund["state"], payment_id = "pay", asked_by = ""): Refund {
  return { id: `${payment_id}-${ordinal}`, payment_id, ordinal, state, asked_by, recorded_by: "", amount_minor: 100, error: "", hand_way: "", came_back: "", send_to: "", send_asked_by: "" } as Refund;
}
const slip = (state: Refund["state"], by: string) => ({ ...refund(2, state), recorded_by: by, hand_way: "cash" }) as Refund;
const gift = (state: Refund["state"], by = "one") => refund(1, state, "pay", by);

const stranded = (more: Partial<Refund> = {}): Refund => ({ ...refund(1, "failed"), error: "abnormal", ...more });

describe("what a person can do about a refund", () => {
  it.each([
    [stranded(), ["to_card", "to_us", "by_hand"]],
    [stranded({ error: "abnormal: not sent on: PARAM_ERROR" }), ["to_card", "to_us", "by_hand"]],
    [stranded({ send_to: "card:3445", send_asked_by: "me" }), ["to_card", "to_us", "by_hand"]],
    [stranded({ send_to: "card:3445", send_asked_by: "one" }), ["to_card", "by_hand"]],
    [stranded({ send_to: "merchant", send_asked_by: "one" }), ["to_us", "by_hand"]],
    [stranded({ error: "came back to our bank", came_back: "bank" }), ["by_hand"]],
    [stranded({ state: "unknown" }), []],
  ] as const)("%#: one that reached nobody is sent on, by two if another person asked", (one, moves) => {
    expect(refundMoves(one, [one], "me")).toEqual(moves);
  });

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
    [[refund(1, "held")], ["release"]],
    [[refund(1, "failed")], ["again", "by_hand"]],
    [[refund(1, "processing")], []],
    [[refund(1, "succeeded")], []],
    [[refund(1, "failed"), refund(2, "requested")], []],
    [[refund(1, "failed"), refund(1, "succeeded", "other")], ["again", "by_hand"]],
    [[refund(1, "failed"), refund(2, "succeeded", "pay", "one")], ["again", "by_hand"]],
    [[gift("held")], ["approve", "decline"]],
    [[gift("held", "me")], ["decline"]],
    [[gift("failed")], []],
    [[gift("requested")], []],
    [[slip("held", "one")], ["approve", "decline"]],
    [[slip("held", "me")], ["decline"]],
    [[slip("failed", "me")], ["again", "by_hand"]],
    [[slip("succeeded", "me")], []],
  ] as const)("%#: its own state, its successors and who gave it decide", (refunds, moves) => {
    expect(refundMoves(refunds[0], refunds, "me")).toEqual(moves);
  });

  it("offers the last of several that were given up, and none that an earlier one made needless", () => {
    const twice = [refund(1, "failed"), refund(2, "failed")];
    expect(twice.map((one) => refundMoves(one, twice, "me"))).toEqual([[], ["again", "by_hand"]]);
    const needless = [refund(1, "succeeded"), refund(2, "failed")];
    expect(needless.map((one) => refundMoves(one, needless, "me"))).toEqual([[], []]);
  });
});

describe("what can be given of a sale that is over", () => {
  const paid = { id: "pay", is_winning: true, channel: "wechat", captured_minor: 350 } as Payment;
  it.each([
    ["settled", paid, [], { amount_minor: 350, ordinal: 1 }],
    ["settled", paid, [refund(1, "succeeded")], { amount_minor: 250, ordinal: 2 }],
    ["settled", paid, [gift("failed")], { amount_minor: 350, ordinal: 2 }],
    ["settled", paid, [refund(1, "succeeded", "late")], { amount_minor: 350, ordinal: 1 }],
    ["settled", paid, [gift("held")], undefined],
    ["settled", { ...paid, captured_minor: 100 }, [refund(1, "succeeded")], undefined],
    ["settled", { ...paid, channel: "code" }, [], undefined],
    ["settled", { ...paid, is_winning: false }, [], undefined],
    ["dispensing", paid, [], undefined],
  ] as const)("%#: what is left, and its place", (state, payment, refunds, most) => {
    expect(mostToGive({ state, payments: [payment], refunds: [...refunds] })).toEqual(most);
  });
});

describe("what can be decided about money that did not fit its order", () => {
  it.each([
    [true, "none", "", ["give_back", "keep"]],
    [true, "give_asked", "me", ["reopen"]],
    [true, "give_asked", "one", ["agree_give", "reopen"]],
    [true, "keep_asked", "one", ["agree_keep", "reopen"]],
    [true, "given_back", "one", []],
    [true, "kept", "one", []],
    [false, "none", "", []],
  ] as const)("%#: by whom nothing, or something, was asked for", (is_frozen, verdict, verdict_by, moves) => {
    const payment = { is_frozen, verdict, verdict_by, captured_minor: 349 } as Payment;
    expect(verdictMoves(payment, "me")).toEqual(moves);
    expect(verdictMoves({ ...payment, captured_minor: 0 }, "me")).toEqual([]);
  });
});
