/** How a chart is drawn: what uPlot is told. Pure. Refuses more series than there are ways to tell them apart. */
import uPlot from "uplot";

/** `band` is the upper edge of a band whose lower edge is the `edge` series right after it. */
export type ChartShape = "bars" | "line" | "dashes" | "band" | "edge";
export type ChartSeries = { label: string; values: readonly (number | null)[]; shape: ChartShape };

export type ChartDrawing = {
  points: readonly string[];
  series: readonly ChartSeries[];
  format: (value: number) => string;
  widthPx: number;
  heightPx: number;
  /** A count or a sum begins at nothing; a temperature has no such place. */
  base: "zero" | "data";
  most?: number | undefined;
  token: (name: string) => string;
  font: string;
};

const LABEL_PX = 72;
const AXIS_PX = 58;
const LETTER_PX = 6.6;

/** Of `count` places along `widthPx`, those that get a word: as many as fit, evenly, the first among them. */
export function labelled(count: number, widthPx: number): number[] {
  if (count === 0) return [];
  const most = Math.max(1, Math.floor((widthPx - AXIS_PX) / LABEL_PX));
  const step = Math.max(1, Math.ceil(count / most));
  return Array.from({ length: Math.ceil(count / step) }, (_, index) => index * step);
}

/** `word`, cut where there is no room for it. A word of the Han script is as wide as two letters. */
export function fitting(word: string, roomPx: number): string {
  const most = Math.max(2, Math.floor(roomPx / LETTER_PX));
  let width = 0;
  const letters = [...word];
  for (const [index, letter] of letters.entries()) {
    width += letter > "\u2e7f" ? 2 : 1;
    if (width > most) return `${letters.slice(0, Math.max(1, index - 1)).join("")}…`;
  }
  return word;
}

function shapeOf(one: ChartSeries, token: (name: string) => string): uPlot.Series {
  const plain: uPlot.Series = { label: one.label, points: { show: false } };
  switch (one.shape) {
    case "bars":
      return { ...plain, stroke: token("--accent"), fill: token("--accent"), paths: uPlot.paths.bars?.({ size: [0.64, 44], radius: 0.15 }) };
    case "line":
      return { ...plain, stroke: token("--accent"), width: 2, points: { show: one.values.filter((value) => value !== null).length === 1, size: 6 } };
    case "dashes":
      return { ...plain, stroke: token("--muted"), width: 1.5, dash: [5, 4] };
    default:
      return { ...plain, stroke: token("--line-strong"), width: 0.5 };
  }
}

/** From where to where values are drawn. */
export function valueRange(base: ChartDrawing["base"], least: number | null, most: number | null): [number, number] {
  const top = most ?? 1;
  if (base === "zero") return [0, top > 0 ? top * 1.08 : 1];
  const bottom = least ?? 0;
  const room = Math.max(1, (top - bottom) * 0.12);
  return [Math.floor(bottom - room), Math.ceil(top + room)];
}

/** How wide the axis of values has to be for its longest word: a sum whose first digit is cut away is another sum. */
export function valueAxisPx(words: readonly string[]): number {
  return Math.max(AXIS_PX, ...words.map((word) => Math.ceil(word.length * LETTER_PX) + 14));
}

export function chartOptions(drawing: ChartDrawing): uPlot.Options {
  const { points, series, format, widthPx, heightPx, token, font } = drawing;
  const bands = series.flatMap((one, index) =>
    one.shape === "band" ? [{ series: [index + 1, index + 2] as [number, number], fill: token("--off-weak") }] : [],
  );
  const axis = { stroke: token("--muted"), font: `12px ${font}`, ticks: { show: false } };
  const places = labelled(points.length, widthPx);
  const roomPx = ((widthPx - AXIS_PX) / Math.max(1, points.length)) * (places.length > 1 ? (places[1] ?? 1) : 1) - 8;
  return {
    width: widthPx,
    height: heightPx,
    legend: { show: false },
    cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { show: false } },
    scales: {
      x: { time: false, range: () => [-0.6, points.length - 0.4] },
      y: { range: (_, least, most) => valueRange(drawing.base, least, drawing.most ?? most) },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 30, splits: () => places, values: (_, splits) => splits.map((place) => fitting(points[place] ?? "", roomPx)) },
      { ...axis, grid: { stroke: token("--line"), width: 1 }, size: (_, words) => valueAxisPx(words ?? []), values: (_, splits) => splits.map((value) => (Number.isInteger(value) ? format(value) : "")) },
    ],
    series: [{}, ...series.map((one) => shapeOf(one, token))],
    bands,
  };
}
