import { describe, expect, it } from "vitest";
import { Chosen } from "./chosen.svelte";

const rows = ["a", "b", "c"].map((id) => ({ id }));
const [a, b] = rows as [{ id: string }, { id: string }];

describe("chosen rows", () => {
  it("are chosen and left out one by one, over pages", () => {
    const chosen = new Chosen();
    chosen.toggle(a);
    chosen.toggle(b);
    chosen.toggle(a);
    expect([...chosen.rows.keys()]).toEqual(["b"]);
    expect([chosen.has(a), chosen.has(b), chosen.size]).toEqual([false, true, 1]);
  });

  it("are all of a page, beside others, or none of it", () => {
    const chosen = new Chosen();
    chosen.toggle({ id: "x" });
    chosen.toggle(a);
    chosen.toggleAll(rows);
    expect([chosen.hasAll(rows), chosen.size]).toEqual([true, 4]);
    chosen.toggleAll(rows);
    expect([...chosen.rows.keys()]).toEqual(["x"]);
    expect(chosen.hasAll([])).toBe(false);
    chosen.clear();
    expect(chosen.size).toBe(0);
  });
});
