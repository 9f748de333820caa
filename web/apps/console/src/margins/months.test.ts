import { describe, expect, it } from "vitest";
import { monthsBefore, monthsOf } from "./months";

describe("months", () => {
  it.each([
    ["2026-03", 0, "2026-03"],
    ["2026-03", 3, "2025-12"],
    ["2026-01", 12, "2025-01"],
    ["2026-12", 11, "2026-01"],
  ])("%s less %d is %s", (month, count, before) => expect(monthsBefore(month, count)).toBe(before));

  it("end today, or with the month before", () => {
    expect(monthsOf("this", "2026-01-31")).toEqual({ first: "2026-01", last: "2026-01" });
    expect(monthsOf("last", "2026-01-31")).toEqual({ first: "2025-12", last: "2025-12" });
    expect(monthsOf("three", "2026-01-31")).toEqual({ first: "2025-11", last: "2026-01" });
    expect(monthsOf("year", "2026-12-01")).toEqual({ first: "2026-01", last: "2026-12" });
  });
});
