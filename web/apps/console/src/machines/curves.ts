/** A machine's last hours as charts and as a table: what is drawn where, and what stands beside it. Pure. */
import type { Curves } from "../api/views";

export const SPANS = ["24", "168", "720"] as const;
export type CurveSpan = (typeof SPANS)[number];

export type Spot = { at: number; low: number | null; high: number | null; heard: number | null };
/** What was sold from `at` on, until the next. */
export type Bar = { at: number; units: number };
export type HourRow = { at: number; low: number | null; high: number | null; heard: number | null; units: number };

const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;

export function spotsOf(curves: Curves): Spot[] {
  const began = Date.parse(curves.starts_at);
  return curves.low_c.map((low, index) => ({
    at: began + index * curves.step_s * 1000,
    low,
    high: curves.high_c[index] ?? null,
    heard: curves.heard_percent[index] ?? null,
  }));
}

/** A bar for every hour of a day or a week, for every day of a month. An hour that sold nothing has its place, too. */
export function barsOf(curves: Curves, span: CurveSpan): Bar[] {
  const hours = Number(span);
  const widthMs = (hours > DAY_HOURS * 7 ? DAY_HOURS : 1) * HOUR_MS;
  const ends = Date.parse(curves.starts_at) + curves.low_c.length * curves.step_s * 1000;
  const begins = ends - hours * HOUR_MS;
  const bars = Array.from({ length: (hours * HOUR_MS) / widthMs }, (_, index) => ({ at: begins + index * widthMs, units: 0 }));
  for (const sold of curves.sales) {
    const bar = bars[Math.floor((Date.parse(sold.at) - begins) / widthMs)] ?? (Date.parse(sold.at) < begins ? bars[0] : undefined);
    if (bar !== undefined) bar.units += sold.units;
  }
  return bars;
}

/** Hour by hour, the newest first; hours of which nothing is known and nothing was sold are left out. */
export function rowsOf(curves: Curves): HourRow[] {
  const rows = new Map<number, Spot[]>();
  for (const spot of spotsOf(curves)) {
    const hour = Math.floor(spot.at / HOUR_MS) * HOUR_MS;
    rows.set(hour, [...(rows.get(hour) ?? []), spot]);
  }
  const sold = new Map(curves.sales.map((one) => [Math.floor(Date.parse(one.at) / HOUR_MS) * HOUR_MS, one.units]));
  return [...rows]
    .map(([at, spots]) => {
      const heard = spots.flatMap((spot) => spot.heard ?? []);
      const lows = spots.flatMap((spot) => spot.low ?? []);
      const highs = spots.flatMap((spot) => spot.high ?? []);
      return {
        at,
        low: lows.length > 0 ? Math.min(...lows) : null,
        high: highs.length > 0 ? Math.max(...highs) : null,
        heard: heard.length > 0 ? Math.round(heard.reduce((sum, one) => sum + one, 0) / heard.length) : null,
        units: sold.get(at) ?? 0,
      };
    })
    .filter((row) => row.high !== null || row.heard !== null || row.units > 0)
    .reverse();
}
