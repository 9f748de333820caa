import { describe, expect, it } from "vitest";
import type { CouponBatch } from "../api/promotionViews";
import { couponStatus, couponTable, couponText, newCoupons } from "./coupons";

const DRAFT = { kind: "codes", word: "", count: 20, uses: 100, endsAt: "" } as const;
const BATCH: CouponBatch = {
  id: "cpb_1", promotion_id: "prm_1", word: "", count: 2, uses_each: 3, used: 5, starts_at: null, ends_at: "2026-11-23T12:00:00Z",
  created_at: "2026-11-23T10:00:00Z", withdrawn_at: null,
};

describe("coupons that are asked for", () => {
  it("are drawn codes for one order each", () => {
    expect(newCoupons(DRAFT)).toEqual({ word: "", count: 20, uses_each: 1, starts_at: null, ends_at: null });
    expect([0, 1001, 1.5, Number.NaN].map((count) => newCoupons({ ...DRAFT, count }))).toEqual([undefined, undefined, undefined, undefined]);
  });

  it("or one word in capitals for many", () => {
    const word = { ...DRAFT, kind: "word", word: " summer10 ", endsAt: "2026-12-01T00:00" } as const;
    expect(newCoupons(word)).toEqual({
      word: "SUMMER10", count: 1, uses_each: 100, starts_at: null, ends_at: new Date("2026-12-01T00:00").toISOString(),
    });
    expect(["ABC", "A".repeat(17), "TWO WORDS", "夏天夏天"].map((text) => newCoupons({ ...word, word: text }))).toEqual([undefined, undefined, undefined, undefined]);
    expect(newCoupons({ ...word, uses: 0 })).toBeUndefined();
  });
});

describe("coupons that were made", () => {
  it("are good until they are over, spent or withdrawn", () => {
    const at = (time: string) => Date.parse(`2026-11-23T${time}:00Z`);
    const status = (changes: Partial<CouponBatch>, time = "11:59") => couponStatus({ ...BATCH, ...changes }, at(time)).word;
    expect([status({}), status({}, "12:00"), status({ ends_at: null }, "12:00"), status({ used: 6 }), status({ withdrawn_at: "x" })]).toEqual(
      ["coupon.state_good", "coupon.state_over", "coupon.state_good", "coupon.state_spent", "coupon.state_withdrawn"],
    );
  });

  it("are read in fours, and scanned by what the table says", () => {
    expect(["ABCDEFGH", "ABCD", "SUMMER10X"].map(couponText)).toEqual(["ABCD EFGH", "ABCD", "SUMM ER10 X"]);
    expect(couponTable(["AB12CD34"])).toBe("code,scan\r\nAB12CD34,coupon:AB12CD34\r\n");
  });
});
