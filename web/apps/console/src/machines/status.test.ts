import { describe, expect, it } from "vitest";
import type { Machine, Slot } from "../api/views";
import { byUrgency, chosen, matching, nextNumber, rowsOf } from "./status";

function machine(number: string, state: Machine["state"]): Machine {
  return { number, state, tags: [number], name_zh: "图书馆", name_en: "Library", site: "ground floor" } as Machine;
}

describe("machines", () => {
  it("that sell nothing come first, then by number as people count", () => {
    const list = [machine("SH-10", "online"), machine("SH-2", "online"), machine("SH-3", "offline"), machine("SH-1", "attention")];
    expect(list.sort(byUrgency).map((m) => m.number)).toEqual(["SH-3", "SH-1", "SH-2", "SH-10"]);
  });

  it("are found by number, name or site, and by state", () => {
    const list = [machine("SH-1", "online"), machine("SH-2", "offline")];
    expect(chosen(list, "sh-2", "")).toHaveLength(1);
    expect(chosen(list, " LIBRARY ", "")).toHaveLength(2);
    expect(chosen(list, "图书", "offline")).toHaveLength(1);
    expect(chosen(list, "nowhere", "")).toHaveLength(0);
    expect(chosen(list, "", "", "SH-2").map((m) => m.number)).toEqual(["SH-2"]);
    const [first] = list;
    const typed = [{ ...first!, model: { id: "mdl_1", maker: "Fuji", name: "S-60" } }, { ...list[1]!, model: null }];
    expect(["", "mdl_1", "mdl_2", "none"].map((model) => chosen(typed, "", "", "", model).length)).toEqual([2, 1, 0, 1]);
  });
});

describe("of very many machines", () => {
  const list = ["X-10", "VM-100", "VM-10", "VM-1"].map((number) => machine(number, "online"));
  it("the first that a text may mean are those whose number begins with it", () => {
    expect(matching(list, "vm-10", 2).map((m) => m.number)).toEqual(["VM-100", "VM-10"]);
    expect(matching(list, "10", 9).map((m) => m.number)).toEqual(["X-10", "VM-100", "VM-10"]);
    expect(matching(list, "VM-100 · Library", 9).map((m) => m.number)).toEqual(["VM-100"]);
  });
});

describe("rowsOf", () => {
  it("keeps the order and breaks at each letter", () => {
    const slots = ["A1", "A10", "B1", "7", "8"].map((slot) => ({ slot }) as Slot);
    expect(rowsOf(slots).map((row) => row.map((s) => s.slot))).toEqual([["A1", "A10"], ["B1"], ["7", "8"]]);
  });
});

describe("a number for the next machine", () => {
  it("follows the highest", () => {
    expect(nextNumber([])).toBe("VM-001");
    expect(nextNumber(["SH-002", "SH-010", "SH-009"])).toBe("SH-011");
    expect(nextNumber(["99"])).toBe("100");
  });
  it("guesses nothing where there is no number", () => {
    expect(nextNumber(["Lobby"])).toBe("");
  });
});
