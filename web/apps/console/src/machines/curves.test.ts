import { describe, expect, it } from "vitest";
import type { Curves } from "../api/views";
import { barsOf, rowsOf, spotsOf } from "./curves";

const none = (count: number): null[] => Array.from({ length: count }, () => null);
const CURVES: Curves = {
  starts_at: "2026-03-01T00:00:00Z",
  step_s: 600,
  low_c: [5, 6, ...none(140), 7, null],
  high_c: [5, 6, ...none(140), 7, null],
  heard_percent: [100, 50, ...none(140), null, 0],
  sales: [
    { at: "2026-03-01T00:00:00Z", units: 2, gross_minor: 700 },
    { at: "2026-03-01T23:00:00Z", units: 1, gross_minor: 350 },
  ],
  currency: "CNY",
};

describe("a machine's curves", () => {
  it("keep gaps where nobody looked", () => {
    const spots = spotsOf(CURVES);
    expect(spots).toHaveLength(144);
    expect(spots[1]).toEqual({ at: Date.parse("2026-03-01T00:10:00Z"), low: 6, high: 6, heard: 50 });
    expect(spots[2]?.high).toBeNull();
  });

  it("have a bar for every hour, sold or not", () => {
    const bars = barsOf(CURVES, "24", "UTC");
    expect(bars).toHaveLength(24);
    expect(bars.map((bar) => bar.units).filter((units) => units > 0)).toEqual([2, 1]);
    expect(bars[0]?.at).toBe(Date.parse("2026-03-01T00:00:00Z"));
  });

  it("end with the running hour, by the clock", () => {
    const later = { ...CURVES, starts_at: "2026-03-01T00:50:00Z", sales: [{ at: "2026-03-02T00:00:00Z", units: 3, gross_minor: 9 }] };
    const bars = barsOf(later, "24", "UTC");
    expect([bars.length, bars.at(-1)]).toEqual([24, { at: Date.parse("2026-03-02T00:00:00Z"), units: 3 }]);
  });

  it("have a bar for every day of a month", () => {
    const month = { ...CURVES, step_s: 3600, low_c: none(720), high_c: none(720), heard_percent: none(720) };
    month.sales = [{ at: "2026-03-02T05:00:00Z", units: 4, gross_minor: 1 }, { at: "2026-03-02T23:00:00Z", units: 1, gross_minor: 1 }];
    const bars = barsOf(month, "720", "UTC");
    expect(bars).toHaveLength(30);
    expect(bars[1]?.units).toBe(5);
    const [first, second] = barsOf(month, "720", "Asia/Shanghai");
    expect([first?.units, second?.units]).toEqual([4, 1]);
  });

  it("are read as a table, the newest hour first, without hours of which nothing is known", () => {
    expect(rowsOf(CURVES)).toEqual([
      { at: Date.parse("2026-03-01T23:00:00Z"), low: 7, high: 7, heard: 0, units: 1 },
      { at: Date.parse("2026-03-01T00:00:00Z"), low: 5, high: 6, heard: 75, units: 2 },
    ]);
  });
});
