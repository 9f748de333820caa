import { describe, expect, it } from "vitest";
import { gridOf, isGrid, modelName, withRoom } from "./slots";

describe("a cabinet's slots", () => {
  it("are made a row at a time", () => {
    expect(gridOf(2, 2, 7)).toEqual([{ slot: "A1", capacity: 7 }, { slot: "A2", capacity: 7 }, { slot: "B1", capacity: 7 }, { slot: "B2", capacity: 7 }]);
    expect(gridOf(6, 10, 8).at(-1)?.slot).toBe("F10");
  });

  it.each([[6, 10, true], [26, 7, true], [26, 8, false], [27, 1, false], [0, 4, false], [1.5, 4, false], [1, 99, true], [1, 100, false], [Number.NaN, 1, false]])(
    "are a cabinet or not: %s rows of %s",
    (rows, perRow, expected) => expect(isGrid(rows, perRow)).toBe(expected),
  );

  it("are changed one by one, in the order of the machine", () => {
    const slots = [{ slot: "A1", capacity: 7 }, { slot: "A10", capacity: 7 }];
    expect(withRoom(slots, "A2", 5).map((one) => one.slot)).toEqual(["A1", "A2", "A10"]);
    expect(withRoom(slots, "A1", 5)).toEqual([{ slot: "A1", capacity: 5 }, slots[1]]);
  });

  it("have a maker before the name, if one was said", () => {
    expect([modelName({ maker: "Fuji", name: "S-60" }), modelName({ maker: "", name: "S-60" })]).toEqual(["Fuji S-60", "S-60"]);
  });
});
