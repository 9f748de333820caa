import type { Product } from "@vendomat/api";
import { describe, expect, it } from "vitest";
import { addDigit, codePlaces, isComplete } from "./code";
import { categoriesOf, columnsOf, rowsOf } from "./grid";
import { idleState } from "./idle";
import { fitScreen } from "./layout";

describe("fitScreen", () => {
  it("believes a machine's profile", () => {
    expect(fitScreen(1080, 1920, 4.03, false)).toMatchObject({ layout: "portrait", mmPx: 4.03 });
    expect(fitScreen(800, 1280, 5.88, false)).toMatchObject({ layout: "narrow", mmPx: 5.88, focus: 1 });
    expect(fitScreen(1080, 1920, 5.56, false)).toMatchObject({ layout: "portrait", mmPx: 5.56, focus: 1 });
  });

  it("scales a demonstration into its window", () => {
    expect(fitScreen(1440, 900, 4.03, true).layout).toBe("landscape");
    expect(fitScreen(1280, 720, 4.03, true).mmPx).toBeLessThan(4.03);
    expect(fitScreen(390, 844, 4.03, true).layout).toBe("narrow");
    expect(fitScreen(1080, 1920, 4.03, true)).toMatchObject({ layout: "portrait", mmPx: 4.03 });
  });

  it("fills a very large panel", () => {
    expect(fitScreen(1080, 1920, 2.71, false).mmPx).toBeGreaterThan(3.5);
    expect(fitScreen(1080, 1920, 4.03, false).focus).toBeGreaterThan(1.3);
  });

  it("survives a profile without a figure", () => {
    expect(fitScreen(1080, 1920, 0, false).mmPx).toBeGreaterThan(0);
  });
});

describe("the grid", () => {
  it("shows twelve products on a portrait panel without scrolling", () => {
    expect(columnsOf("portrait", false) * rowsOf(12, 3, "portrait", false)).toBe(12);
  });

  it("offers categories only when there is more than one screen", () => {
    const goods = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ category: index % 2 === 0 ? "drinks" : "snacks" }) as Product);
    expect(categoriesOf(goods(12))).toEqual([]);
    expect(categoriesOf(goods(13))).toEqual(["drinks", "snacks"]);
  });
});

describe("idleState", () => {
  it("warns after 60 seconds and ends after 80", () => {
    expect(idleState(59_999, null)).toMatchObject({ isWarning: false, isOver: false });
    expect(idleState(60_000, null)).toMatchObject({ isWarning: true, isOver: false, leftMs: 20_000 });
    expect(idleState(80_000, null)).toMatchObject({ isOver: true, leftMs: 0 });
  });

  it("takes the machine's end when it is nearer, without ending anything itself", () => {
    expect(idleState(null, 15_000)).toMatchObject({ isWarning: true, isOver: false, byMachine: true });
    expect(idleState(0, 0)).toMatchObject({ leftMs: 0, isOver: false, byMachine: true });
  });

  it("never warns when nobody counts", () => {
    expect(idleState(null, null)).toMatchObject({ isWarning: false, isOver: false });
  });
});

describe("the pickup code", () => {
  it("takes eight digits and no more", () => {
    expect(addDigit("1234567", "8")).toBe("12345678");
    expect(addDigit("12345678", "9")).toBe("12345678");
    expect([isComplete("1234567"), isComplete("12345678")]).toEqual([false, true]);
    expect(codePlaces("12")).toEqual(["1", "2", "", "", "", "", "", ""]);
  });
});
