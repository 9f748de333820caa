import { describe, expect, it } from "vitest";
import { decimalText, formatEstimate, formatMoney, minorOf } from "./money";

describe("decimalText", () => {
  it.each([
    [550, 2, "5.50"],
    [5, 2, "0.05"],
    [0, 2, "0.00"],
    [-5, 2, "-0.05"],
    [-1234, 3, "-1.234"],
    [120, 0, "120"],
    [9007199254740991, 2, "90071992547409.91"],
  ])("%i with %i decimals is %s", (minor, exponent, text) => {
    expect(decimalText(minor, exponent)).toBe(text);
  });

  it("refuses fractions and unsafe integers", () => {
    expect(() => decimalText(1.5, 2)).toThrow(RangeError);
    expect(() => decimalText(2 ** 53, 2)).toThrow(RangeError);
  });
});

describe("formatMoney", () => {
  it.each([
    [550, "CNY", "zh-CN", "¥5.50"],
    [550, "CNY", "en", "¥5.50"],
    [111153, "CNY", "zh-CN", "¥1,111.53"],
    [-550, "CNY", "en", "-¥5.50"],
    [500, "JPY", "en", "¥500"],
    [1234, "USD", "en", "$12.34"],
  ] as const)("%i %s in %s is %s", (minor, currency, locale, text) => {
    expect(formatMoney(minor, currency, locale)).toBe(text);
  });

  it("keeps three decimals where the currency has three", () => {
    expect(formatMoney(1234, "KWD", "en")).toContain("1.234");
  });

  it("is exact beyond what a floating-point amount could hold", () => {
    expect(formatMoney(9007199254740991, "CNY", "en")).toBe("¥90,071,992,547,409.91");
  });
});

describe("formatEstimate", () => {
  it.each([
    [123456, "CNY", "¥1,200"],
    [99999, "CNY", "¥1,000"],
    [1234, "CNY", "¥12"],
    [996, "CNY", "¥10"],
    [327, "CNY", "¥3.30"],
    [34, "CNY", "¥0.34"],
    [-123456, "CNY", "-¥1,200"],
    [1260, "JPY", "¥1,300"],
    [7, "JPY", "¥7"],
    [0, "CNY", "¥0.00"],
  ] as const)("%i %s is about %s", (minor, currency, text) => {
    expect(formatEstimate(minor, currency, "en")).toBe(text);
  });
});

describe("minorOf", () => {
  it.each([
    ["5.5", 2, 550],
    [" 5,50 ", 2, 550],
    ["12", 2, 1200],
    ["12.", 2, 1200],
    ["0.29", 2, 29],
    ["300", 0, 300],
    ["1.234", 3, 1234],
  ] as const)("%j with %d decimals is %d", (text, exponent, minor) => {
    expect(minorOf(text, exponent)).toBe(minor);
  });

  it.each(["", "-5", "5.555", "1e3", "five", "5.5.5", "1234567890123"])("%j is no amount", (text) => {
    expect(minorOf(text, 2)).toBeUndefined();
  });
});
