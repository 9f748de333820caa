import { describe, expect, it } from "vitest";
import { dayEnd, dayStart, differences, shownValue, subjectName, subjectPath } from "./words";

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

  it("calls a thing by the name that the change tells", () => {
    const named = (subject: string, before: Record<string, unknown> | null, after: Record<string, unknown> | null) =>
      subjectName({ subject, subject_zh: "", subject_en: subject.startsWith("prd_") ? "Cola" : "", before, after }, (id) => (id === "mch_1" ? "VM-001" : undefined));
    expect(named("mch_1", null, null)).toBe("VM-001");
    expect(named("mch_2", null, null)).toBe("");
    expect(named("ord_00000000000000000000000042", null, null)).toBe("0000-0042");
    expect(named("sit_00000000000000000000000001", { name: "Lobby" }, { name: "Hall" })).toBe("Hall");
    expect(named("opr_00000000000000000000000001", { email: "li@example.com" }, null)).toBe("li@example.com");
    expect(named("sit_00000000000000000000000001", null, { machine_id: "mch_1" })).toBe("VM-001");
    expect(named("cod_00000000000000000000000001", null, { state: "withdrawn" })).toBe("");
    expect(named("prd_00000000000000000000000001", null, { cost_minor: 100 })).toBe("Cola");
    expect(named("prd_00000000000000000000000001", null, { name_en: "Old cola", name_zh: "" })).toBe("Old cola");
    expect(named("2026-10", null, null)).toBe("2026-10");
  });

  it("takes a day as whole", () => {
    const [from, to] = [dayStart("2026-05-01"), dayEnd("2026-05-01")];
    expect(Date.parse(to ?? "") - Date.parse(from ?? "")).toBe(24 * 3600 * 1000);
    expect(dayStart("")).toBeUndefined();
  });
});
