import { catalogueFaults, looseTexts, unusedKeys } from "@vendomat/ui/check";
import { describe, expect, it } from "vitest";
import en from "./en.json";
import zh from "./zh-CN.json";
import written from "../../../../packages/api/openapi.json?raw";

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

/** Keys made at run time: prefix and a word of the document. */
const BUILT = ["area.", "scheme.", "place."];

describe("the reference's words", () => {
  it("are complete in both languages, with the same places", () => {
    expect(catalogueFaults(zh, en)).toEqual([]);
  });

  it("name every area of the document", () => {
    const { paths } = JSON.parse(written) as { paths: Record<string, Record<string, { tags?: string[] }>> };
    const areas = new Set(Object.values(paths).flatMap((path) => Object.values(path).flatMap((operation) => operation.tags ?? [])));
    expect(areas.size).toBeGreaterThan(20);
    expect([...areas].filter((name) => !(`area.${name.replaceAll(" ", "_")}` in en))).toEqual([]);
  });

  it("are all used", () => {
    expect(unusedKeys(zh, [...Object.values(pages), ...Object.values(scripts)], BUILT)).toEqual([]);
  });

  it.each(Object.entries({ ...pages, ...shared }))("stand in the catalogues, not in %s", (_, source) => {
    expect(looseTexts(source)).toEqual([]);
  });
});
