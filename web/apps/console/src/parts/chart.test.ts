import { describe, expect, it } from "vitest";
import { chartOptions, fitting, labelled, valueAxisPx, valueRange } from "./chart";

describe("the words of an axis", () => {
  it("are as many as fit, evenly, the first among them", () => {
    expect(labelled(24, 58 + 72 * 12)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22]);
    expect(labelled(3, 1000)).toEqual([0, 1, 2]);
    expect(labelled(31, 10)).toEqual([0]);
    expect(labelled(0, 1000)).toEqual([]);
  });
});

describe("a word of an axis", () => {
  it("is cut where there is no room", () => {
    expect(fitting("Mountain spring water", 80)).toBe("Mountain sp…");
    expect(fitting("高山泉水一瓶", 60)).toBe("高山泉…");
    expect(fitting("12:00", 60)).toBe("12:00");
    expect(fitting("12:00", 0)).toBe("1…");
  });
});

describe("the axis of values", () => {
  it("is as wide as its longest word", () => {
    expect(valueAxisPx(["¥0", "¥10"])).toBe(58);
    expect(valueAxisPx(["¥0.00", "¥25,000.00"])).toBe(80);
    expect(valueAxisPx([])).toBe(58);
  });
});

describe("a chart", () => {
  const token = (name: string) => `of ${name}`;
  const drawing = {
    points: ["00", "01"],
    format: String,
    widthPx: 600,
    heightPx: 200,
    token,
    font: "Inter",
    base: "zero" as const,
    series: [
      { label: "usual", values: [3, 4], shape: "band" as const },
      { label: "low", values: [1, 2], shape: "edge" as const },
      { label: "today", values: [2, null], shape: "bars" as const },
    ],
  };

  it("fills the band between an edge and the one after it", () => {
    expect(chartOptions(drawing).bands).toEqual([{ series: [1, 2], fill: "of --off-weak" }]);
  });

  it("begins at zero and has room above", () => {
    const range = chartOptions(drawing).scales?.["y"]?.range as unknown as (u: unknown, low: number, high: number) => number[];
    expect(range(null, 5, 100)).toEqual([0, 108]);
    expect(range(null, 0, 0)).toEqual([0, 1]);
  });

  it("of temperatures leaves room on both sides, however cold", () => {
    expect(valueRange("data", -22, -18)).toEqual([-23, -17]);
    expect(valueRange("data", 2, 27)).toEqual([-1, 30]);
    expect(valueRange("data", null, null)).toEqual([-1, 2]);
  });
});
