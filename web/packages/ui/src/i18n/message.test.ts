import { describe, expect, it } from "vitest";
import { pickText } from "./locale";
import { formatMessage, placeNames } from "./message";

const ITEMS = "{count, plural, one {# item} other {# items}} in {place}";

describe("formatMessage", () => {
  it("fills places", () => {
    expect(formatMessage("Pay {amount}", { amount: "¥5.50" }, "en")).toBe("Pay ¥5.50");
  });

  it("chooses the plural of the language", () => {
    expect(formatMessage(ITEMS, { count: 1, place: "A1" }, "en")).toBe("1 item in A1");
    expect(formatMessage(ITEMS, { count: 2, place: "A1" }, "en")).toBe("2 items in A1");
    expect(formatMessage("{count, plural, other {# 件}}", { count: 1 }, "zh-CN")).toBe("1 件");
  });

  it("writes numbers as the language does, and texts as they are", () => {
    expect(formatMessage(ITEMS, { count: 5000, place: "1000" }, "en")).toBe("5,000 items in 1000");
    expect(formatMessage("{count} 台", { count: 12_345 }, "zh-CN")).toBe("12,345 台");
  });

  it("never leaves a hole", () => {
    expect(() => formatMessage("Pay {amount}", {}, "en")).toThrow(RangeError);
    expect(() => formatMessage("Pay {amount", { amount: 1 }, "en")).toThrow(SyntaxError);
    expect(() => formatMessage("{n, plural, one {x}}", { n: 2 }, "en")).toThrow(SyntaxError);
  });
});

describe("placeNames", () => {
  it("finds plain and plural places", () => {
    expect(placeNames(ITEMS)).toEqual(["count", "place"]);
  });
});

describe("pickText", () => {
  it("prefers a name in the other language to none", () => {
    expect(pickText({ zh: "可乐", en: "" }, "en")).toBe("可乐");
    expect(pickText({ zh: "可乐", en: "Cola" }, "zh-CN")).toBe("可乐");
  });
});
