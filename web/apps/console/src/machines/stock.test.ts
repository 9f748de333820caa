import { describe, expect, it } from "vitest";
import type { Slot } from "../api/views";
import { allOf, mostOf, wishOf } from "./stock";

const slot = (name: string, on_hand: number, reserved = 0): Slot => ({
  slot: name, product_id: "p", name_zh: "", name_en: "", image: "", price_minor: 1, currency: "CNY", capacity: 10, on_hand, reserved,
  available: on_hand - reserved, state: "ok", closed_reason: "",
});
const SLOTS = [slot("A1", 3), slot("A2", 10, 2), slot("A3", 12)];

describe("stock by hand", () => {
  it("fills to the brim and takes out no more than nobody is buying", () => {
    expect(SLOTS.map((one) => mostOf("fill", one))).toEqual([7, 0, 0]);
    expect(SLOTS.map((one) => mostOf("remove", one))).toEqual([3, 8, 12]);
    expect(allOf("count", SLOTS)).toEqual({ A1: 3, A2: 10, A3: 12 });
  });

  it("sends what was said and nothing else", () => {
    expect(wishOf("fill", { A1: 7, A2: 0, A3: undefined }, " ")).toEqual({ deed: "fill", slots: [{ slot: "A1", quantity: 7 }], reason: "" });
    expect(wishOf("count", { A1: 0 }, "")).toEqual({ deed: "count", slots: [{ slot: "A1", quantity: 0 }], reason: "" });
    expect(wishOf("fill", { A1: 0 }, "")).toBeUndefined();
  });

  it("asks why goods are taken out", () => {
    expect(wishOf("remove", { A1: 1 }, " ")).toBeUndefined();
    expect(wishOf("remove", { A1: 1 }, "old")?.reason).toBe("old");
  });
});
