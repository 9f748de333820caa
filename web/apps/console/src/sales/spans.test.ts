import { describe, expect, it } from "vitest";
import type { SalesRow } from "../api/salesViews";
import { daysOf, mayBe, monthEnd, nameOf, narrower, places, spanOf, usualBy } from "./spans";

const TODAY = "2026-03-03";
const row = (at: string | null, key: string): SalesRow =>
  ({ at, key, name: "", name_en: "", currency: "CNY", units: "" }) as SalesRow;

describe("named spans", () => {
  it("end today, or with the month before", () => {
    expect(spanOf("week", TODAY)).toEqual({ first: "2026-02-25", last: TODAY });
    expect(spanOf("month", TODAY)).toEqual({ first: "2026-03-01", last: TODAY });
    expect(spanOf("last_month", TODAY)).toEqual({ first: "2026-02-01", last: "2026-02-28" });
    expect(daysOf(spanOf("quarter", TODAY))).toBe(90);
  });

  it("are recognised again", () => {
    expect(nameOf(spanOf("last_month", TODAY), TODAY)).toBe("last_month");
    expect(nameOf({ first: "2026-02-02", last: TODAY }, TODAY)).toBeUndefined();
  });

  it("know the end of a month", () => {
    expect(monthEnd("2024-02-10")).toBe("2024-02-29");
    expect(monthEnd("2026-12-31")).toBe("2026-12-31");
  });
});

describe("rows", () => {
  it("are of hours for a day, else of days", () => {
    expect(usualBy(spanOf("today", TODAY))).toBe("hour");
    expect(usualBy(spanOf("week", TODAY))).toBe("day");
    expect(mayBe("hour", spanOf("quarter", TODAY))).toBe(false);
  });

  it("lead to a narrower report", () => {
    const asked = { first: "2026-02-10", last: TODAY, by: "month", units: "1" };
    expect(narrower(row("2026-02-01T00:00:00", ""), "month", asked)).toMatchObject({ by: "day", first: "2026-02-10", last: "2026-02-28", units: undefined });
    expect(narrower(row("2026-02-11T00:00:00", ""), "day", asked)).toMatchObject({ by: "hour", first: "2026-02-11", last: "2026-02-11" });
    expect(narrower(row(null, "mch_1"), "machine", asked)).toMatchObject({ by: "product", machine: "mch_1", first: "2026-02-10" });
    expect(narrower(row(null, "prd_1"), "product", { ...asked, machine: "mch_1" })).toMatchObject({ by: "day", product: "prd_1" });
    expect(narrower(row(null, "sit_1"), "site", asked)).toMatchObject({ by: "machine", site: "sit_1" });
    expect(narrower(row(null, ""), "site", asked)).toBeUndefined();
    expect(narrower(row("2026-02-11T08:00:00", ""), "hour", asked)).toBeUndefined();
  });

  it("have a place each, also without sales", () => {
    expect(places("hour", spanOf("today", TODAY))).toHaveLength(24);
    expect(places("day", spanOf("week", TODAY))[6]).toBe("2026-03-03T00:00:00");
    expect(places("machine", spanOf("week", TODAY))).toEqual([]);
  });
});
