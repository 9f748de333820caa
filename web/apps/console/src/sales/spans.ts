/** The days a report is of, and how a row leads to a narrower one. Pure: days are texts (`2026-06-01`), as asked. */
import type { By, SalesRow } from "../api/salesViews";

export type Span = { first: string; last: string };
export const SPANS = ["today", "week", "month", "last_month", "quarter"] as const;
export type SpanName = (typeof SPANS)[number];
export const BYS: readonly By[] = ["hour", "day", "month", "machine", "product", "site", "channel", "slot"];
const HOUR_DAYS_MAX = 62;
const DAY_MS = 86_400_000;

const toDate = (day: string) => new Date(`${day}T00:00:00Z`);
const toDay = (date: Date) => date.toISOString().slice(0, 10);
const daysBefore = (day: string, count: number) => toDay(new Date(toDate(day).getTime() - count * DAY_MS));

/** The last day of the month of `day`. */
export function monthEnd(day: string): string {
  const date = toDate(`${day.slice(0, 7)}-01`);
  date.setUTCMonth(date.getUTCMonth() + 1);
  return daysBefore(toDay(date), 1);
}

/** The days of a named span that ends `today`. */
export function spanOf(name: SpanName, today: string): Span {
  switch (name) {
    case "today":
      return { first: today, last: today };
    case "week":
      return { first: daysBefore(today, 6), last: today };
    case "month":
      return { first: `${today.slice(0, 7)}-01`, last: today };
    case "last_month": {
      const last = daysBefore(`${today.slice(0, 7)}-01`, 1);
      return { first: `${last.slice(0, 7)}-01`, last };
    }
    case "quarter":
      return { first: daysBefore(today, 89), last: today };
  }
}

/** The name of these days, if they have one. */
export function nameOf(span: Span, today: string): SpanName | undefined {
  return SPANS.find((name) => {
    const named = spanOf(name, today);
    return named.first === span.first && named.last === span.last;
  });
}

export function daysOf(span: Span): number {
  return Math.round((toDate(span.last).getTime() - toDate(span.first).getTime()) / DAY_MS) + 1;
}

/** What rows are of when nobody has said: hours of a day, days of a span. */
export function usualBy(span: Span): By {
  return daysOf(span) === 1 ? "hour" : "day";
}

/** By hours only few days are told. */
export function mayBe(by: By, span: Span): boolean {
  return by !== "hour" || daysOf(span) <= HOUR_DAYS_MAX;
}

export type Asked = Readonly<Record<string, string | undefined>>;

/** The report that a row opens: a shorter span, or the same of one machine, product, site or way to pay. */
export function narrower(row: SalesRow, by: By, asked: Asked): Asked | undefined {
  const same = { ...asked, cursor: undefined, units: undefined };
  const day = row.at?.slice(0, 10);
  if (by === "month" && day !== undefined) return { ...same, by: "day", first: day > (asked["first"] ?? "") ? day : asked["first"], last: earlier(monthEnd(day), asked["last"]) };
  if (by === "day" && day !== undefined) return { ...same, by: "hour", first: day, last: day };
  if (by === "machine") return { ...same, by: "product", machine: row.key };
  if (by === "product") return { ...same, by: asked["machine"] === undefined ? "machine" : "day", product: row.key };
  if (by === "site" && row.key !== "") return { ...same, by: "machine", site: row.key };
  if (by === "channel") return { ...same, by: "day", channel: row.key };
  return undefined;
}

function earlier(one: string, other: string | undefined): string {
  return other !== undefined && other < one ? other : one;
}

/** Every hour or day of a span has a place in a chart, also those on which nothing was sold. */
export function places(by: By, span: Span): string[] {
  if (by === "hour" && daysOf(span) === 1) {
    return Array.from({ length: 24 }, (_, hour) => `${span.first}T${String(hour).padStart(2, "0")}:00:00`);
  }
  if (by === "day") return Array.from({ length: daysOf(span) }, (_, index) => `${daysBefore(span.first, -index)}T00:00:00`);
  return [];
}
