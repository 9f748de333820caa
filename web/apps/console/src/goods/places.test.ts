import { expect, it } from "vitest";
import { machinesOf, taggedWith } from "./places";

const at = (machine_id: string, slot: string, price_minor: number) => ({
  machine_id, slot, price_minor, number: machine_id.toUpperCase(), name_zh: "", name_en: "", edit: 3, has_draft: false,
});

it("gathers slots by machine, each price once", () => {
  const found = machinesOf([at("a", "A1", 400), at("b", "A1", 400), at("a", "A2", 400), at("a", "A3", 500)]);
  expect(found.map((one) => [one.id, one.edit, one.prices])).toEqual([["a", 3, [400, 500]], ["b", 3, [400]]]);
});

it("keeps those with a tag", () => {
  const machines = machinesOf([at("a", "A1", 400), at("b", "A1", 400)]);
  const fleet = [{ id: "a", tags: ["north"] }, { id: "b", tags: ["south", "station"] }, { id: "c", tags: ["north"] }];
  expect(["", "north", "station", "none"].map((tag) => taggedWith(machines, fleet, tag).map((one) => one.id))).toEqual([["a", "b"], ["a"], ["b"], []]);
});
