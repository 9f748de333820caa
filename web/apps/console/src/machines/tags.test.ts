import { describe, expect, it } from "vitest";
import type { Machine } from "../api/views";
import { inParts, tagsIn, tagsOf } from "./tags";

describe("tags", () => {
  it("stand between commas of either language, each once", () => {
    expect(tagsIn(" north  hall, 地铁，24h、 24h ;; ")).toEqual(["north hall", "地铁", "24h"]);
    expect(tagsIn(" , ")).toEqual([]);
  });

  it("are those of all machines", () => {
    const machines = [{ tags: ["b", "a"] }, { tags: [] }, { tags: ["a", "c"] }] as unknown as Machine[];
    expect(tagsOf(machines)).toEqual(["a", "b", "c"]);
  });

  it("are sent for two hundred machines at once", () => {
    const ids = Array.from({ length: 401 }, (_, index) => String(index));
    expect(inParts(ids).map((part) => part.length)).toEqual([200, 200, 1]);
    expect(inParts([])).toEqual([]);
  });
});
