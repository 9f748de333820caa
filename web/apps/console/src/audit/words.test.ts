import { describe, expect, it } from "vitest";
import { dayEnd, dayStart, differences, shownValue, subjectPath } from "./words";

describe("changes in words", () => {
  it("shows what differs first, and what was or is not there", () => {
    expect(differences({ name: "Lobby", owner: "Wang" }, { name: "Hall", owner: "Wang", floor: 2 })).toEqual([
      { name: "name", before: "Lobby", after: "Hall", isSame: false },
      { name: "floor", before: undefined, after: 2, isSame: false },
      { name: "owner", before: "Wang", after: "Wang", isSame: true },
    ]);
    expect(differences(null, { state: "active" })).toHaveLength(1);
    expect(differences(null, null)).toEqual([]);
  });

  it("compares lists by what they hold", () => {
    expect(differences({ steps: [1, 2] }, { steps: [1, 2] })[0]?.isSame).toBe(true);
    expect(shownValue([1, 2])).toBe("[1,2]");
  });

  it("links to what has a page", () => {
    expect(subjectPath("ord_1")).toBe("orders/ord_1");
    expect(subjectPath("sit_1")).toBeUndefined();
    expect(subjectPath("wechat")).toBeUndefined();
  });

  it("takes a day as whole", () => {
    const [from, to] = [dayStart("2026-05-01"), dayEnd("2026-05-01")];
    expect(Date.parse(to ?? "") - Date.parse(from ?? "")).toBe(24 * 3600 * 1000);
    expect(dayStart("")).toBeUndefined();
  });
});
