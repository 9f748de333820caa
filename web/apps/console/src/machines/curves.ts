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

/** A bar for every hour of a day or a week, the running one last; for every day of `zone` of a month, today last. */
export function barsOf(curves: Curves, span: CurveSpan, zone: string): Bar[] {
  const ends = Date.parse(curves.starts_at) + curves.low_c.length * curves.step_s * 1000 - 1;
  const isByDay = Number(span) > DAY_HOURS * 7;
  const days = new Intl.DateTimeFormat("en-CA", { timeZone: zone });
  const place = (at: number) => (isByDay ? days.format(at) : String(Math.floor(at / HOUR_MS)));
  const [count, widthMs] = isByDay ? [Number(span) / DAY_HOURS, DAY_HOURS * HOUR_MS] : [Number(span), HOUR_MS];
  const last = isByDay ? ends : Math.floor(ends / HOUR_MS) * HOUR_MS;
  const bars = new Map<string, Bar>();
  for (let at = last - (count - 1) * widthMs; at <= last; at += widthMs) bars.set(place(at), { at, units: 0 });
  for (const sold of curves.sales) {
    const bar = bars.get(place(Date.parse(sold.at)));
    if (bar !== undefined) bar.units += sold.units;
  }
  return [...bars.values()];
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
