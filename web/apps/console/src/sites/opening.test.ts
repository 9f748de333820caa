import { describe, expect, it } from "vitest";
import { daysOf, isWhole, openingOf } from "./opening";

describe("opening hours", () => {
  it("come back as they were typed", () => {
    const kept = [{ from_minute: 510, until_minute: 1320 }, null, ...Array.from({ length: 5 }, () => ({ from_minute: 1080, until_minute: 120 }))];
    const days = daysOf(kept);
    expect(days[0]).toEqual({ isOpen: true, from: "08:30", until: "22:00" });
    expect(days[1]?.isOpen).toBe(false);
    expect(openingOf(days)).toEqual(kept);
  });

  it("end with the day at midnight", () => {
    const [day] = daysOf([{ from_minute: 0, until_minute: 1440 }]);
    expect(day).toEqual({ isOpen: true, from: "00:00", until: "00:00" });
    expect(openingOf(day === undefined ? [] : [day])).toEqual([{ from_minute: 0, until_minute: 1440 }]);
  });

  it("begin with usual ones, and need both times of a day that is open", () => {
    expect(daysOf([])).toHaveLength(7);
    expect(isWhole(daysOf([]))).toBe(true);
    expect(isWhole([{ isOpen: true, from: "", until: "10:00" }])).toBe(false);
    expect(isWhole([{ isOpen: false, from: "", until: "" }])).toBe(true);
  });
});
