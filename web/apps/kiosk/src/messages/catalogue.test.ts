import { catalogueFaults, looseTexts, unusedKeys } from "@vendomat/ui/check";
import { describe, expect, it } from "vitest";
import en from "./en.json";
import zh from "./zh-CN.json";

const pages: Record<string, string> = import.meta.glob("../**/*.svelte", { query: "?raw", import: "default", eager: true });
const shared: Record<string, string> = import.meta.glob("../../../../packages/ui/src/components/*.svelte", {
  query: "?raw",
  import: "default",
  eager: true,
});
const scripts: Record<string, string> = import.meta.glob(["../**/*.ts", "!../**/*.test.ts"], {
  query: "?raw",
  import: "default",
  eager: true,
});

/** Keys made at run time: prefix and a code from the machine. */
const BUILT = ["allergen.", "nutrient.", "channel.", "category.", "notice.", "reason.", "unit.", "result.", "refund.", "hold.", "code.", "pay.refused_"];

describe("the kiosk's words", () => {
  it("are complete in both languages, with the same places", () => {
    expect(catalogueFaults(zh, en)).toEqual([]);
  });

  it("are all used", () => {
    expect(unusedKeys(zh, [...Object.values(pages), ...Object.values(scripts)], BUILT)).toEqual([]);
  });

  it.each(Object.entries({ ...pages, ...shared }))("stand in the catalogues, not in %s", (_, source) => {
    expect(looseTexts(source)).toEqual([]);
  });
});
