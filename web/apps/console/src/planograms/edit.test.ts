import { describe, expect, it } from "vitest";
import type { PlanSlot } from "../api/goodsViews";
import { differences, emptySlots, inOrder, misfits, neighbour, nextSlot, onTop, planRows, swapped, withoutSlot, withSlot } from "./edit";

const at = (slot: string, product_id = "cola", price_minor = 400, capacity = 8): PlanSlot => ({ slot, product_id, price_minor, capacity });
const PLAN = [at("A1"), at("A2", "tea", 500, 6), at("A10", "bun"), at("B1")];

describe("a plan", () => {
  it("is in the order of the machine, in its rows", () => {
    expect(inOrder([PLAN[3]!, PLAN[2]!, PLAN[1]!, PLAN[0]!])).toEqual(PLAN);
    expect(planRows(PLAN).map((row) => row.map((one) => one.slot))).toEqual([["A1", "A2", "A10"], ["B1"]]);
    expect([nextSlot(PLAN), nextSlot([]), nextSlot([at("9")])]).toEqual(["B2", "A1", "10"]);
  });

  it("swaps goods and prices, not room", () => {
    expect(swapped(PLAN, "A1", "A2").slice(0, 2)).toEqual([at("A1", "tea", 500, 8), at("A2", "cola", 400, 6)]);
    expect(swapped(PLAN, "A1", "A1")).toEqual(PLAN);
    expect(swapped(PLAN, "A1", "Z9")).toEqual(PLAN);
  });

  it("moves goods into a slot that the model has and the plan leaves empty", () => {
    const model = { is_cooled: true, slots: [{ slot: "A1", capacity: 8 }, { slot: "A3", capacity: 5 }] };
    expect(emptySlots(PLAN, model)).toEqual([{ slot: "A3", capacity: 5 }]);
    expect(emptySlots(PLAN, null)).toEqual([]);
    expect(swapped(PLAN, "A1", "A3", 5)).toEqual([PLAN[1], at("A3", "cola", 400, 5), PLAN[2], PLAN[3]]);
  });

  it("is compared with the machine's model", () => {
    const model = { is_cooled: false, slots: [{ slot: "A1", capacity: 7 }, { slot: "A2", capacity: 6 }, { slot: "A10", capacity: 8 }] };
    const isPerishable = (id: string) => id === "bun";
    expect(misfits(PLAN, model, isPerishable)).toEqual([
      { slot: "A1", kind: "too_many" }, { slot: "A10", kind: "not_cooled" }, { slot: "B1", kind: "no_slot" },
    ]);
    expect(misfits(PLAN, { ...model, is_cooled: true }, isPerishable)).toHaveLength(2);
    expect(misfits(PLAN, null, isPerishable)).toEqual([]);
  });

  it("differs slot by slot", () => {
    const wanted = withSlot(withoutSlot(swapped(PLAN, "A1", "A2"), "A10"), at("C1"));
    expect([...differences(PLAN, withSlot(wanted, at("B1", "cola", 450)))]).toEqual([
      ["A1", "swapped"], ["A2", "swapped"], ["A10", "removed"], ["B1", "changed"], ["C1", "added"],
    ]);
    expect(differences(PLAN, PLAN).size).toBe(0);
  });

  it("is put on top of what somebody else did", () => {
    const mine = withoutSlot(withSlot(PLAN, at("A1", "cola", 450)), "A10");
    const theirs = withSlot(withSlot(PLAN, at("B1", "cola", 999)), at("A1", "cola", 1));
    expect(onTop(mine, PLAN, theirs)).toEqual([at("A1", "cola", 450), PLAN[1], at("B1", "cola", 999)]);
    expect(onTop(PLAN, PLAN, theirs)).toEqual(theirs);
  });

  it.each([
    ["A1", "ArrowRight", "A2"],
    ["A10", "ArrowRight", "A10"],
    ["A10", "ArrowDown", "B1"],
    ["A1", "ArrowUp", "A1"],
    ["B1", "ArrowLeft", "B1"],
  ])("leads from %s by %s to %s", (from, key, to) => {
    expect(neighbour(planRows(PLAN), from, key)).toBe(to);
  });
});
