import { describe, expect, it } from "vitest";
import { catalogueFaults, looseTexts, unusedKeys } from "./index";

describe("catalogueFaults", () => {
  it("accepts two complete catalogues", () => {
    expect(catalogueFaults({ pay: "支付 {amount}" }, { pay: "Pay {amount}" })).toEqual([]);
  });

  it.each([
    [{ pay: "支付" }, {}],
    [{ pay: "支付" }, { pay: " " }],
    [{ pay: "支付 {amount}" }, { pay: "Pay" }],
    [{ pay: "支付 {amount" }, { pay: "Pay {amount" }],
  ])("finds the fault in %j and %j", (first, second) => {
    expect(catalogueFaults(first as Record<string, string>, second as Record<string, string>)).not.toEqual([]);
  });
});

describe("looseTexts", () => {
  it("finds text in elements, blocks and spoken attributes, and nothing else", () => {
    expect(looseTexts("<p>Hello</p>")).toEqual(["Hello"]);
    expect(looseTexts("{#if a}<p>付</p>{/if}")).toEqual(["付"]);
    expect(looseTexts('<img alt="Cola" class="wide" />')).toEqual(["Cola"]);
    expect(looseTexts('<p class="wide">{t("pay")} × ↓</p>')).toEqual([]);
  });
});

describe("unusedKeys", () => {
  it("knows whole keys and prefixes", () => {
    expect(unusedKeys({ pay: "x", back: "x", "notice.a": "x" }, ['t("pay")'], ["notice."])).toEqual(["back"]);
  });
});
