/** Words of the sales pages: hours, days and months as people say them, and shares. */
import type { Locale } from "@vendomat/ui";
import type { By, SalesRow } from "../api/salesViews";
import { i18n, t } from "../i18n";
import { channelWord } from "../orders/words";

/** `2026-06-01T08:00:00` of the merchant's clock: no zone may move it. */
function ofClock(at: string): Date {
  return new Date(`${at.slice(0, 19)}Z`);
}

const SHAPES: Readonly<Record<"hour" | "day" | "month", Intl.DateTimeFormatOptions>> = {
  hour: { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "UTC" },
  day: { month: "short", day: "numeric", weekday: "short", timeZone: "UTC" },
  month: { year: "numeric", month: "long", timeZone: "UTC" },
};

/** The hour, day or month that begins at `at`; an hour of one day alone is said without its day. */
export function timeWord(at: string, by: By, locale: Locale, isOneDay: boolean): string {
  const shape = by === "hour" ? "hour" : by === "month" ? "month" : "day";
  const word = new Intl.DateTimeFormat(locale, SHAPES[shape]).format(ofClock(at));
  if (by !== "hour" || isOneDay) return word;
  return `${new Intl.DateTimeFormat(locale, SHAPES.day).format(ofClock(at))} ${word}`;
}

/** What stands on an axis: short. */
export function axisWord(at: string, by: By): string {
  if (by === "hour") return at.slice(11, 13);
  return by === "month" ? at.slice(0, 7) : at.slice(5, 10);
}

/** What a row is of. */
export function rowWord(row: SalesRow, by: By, isOneDay: boolean): string {
  if (row.at !== null) return timeWord(row.at, by, i18n.locale, isOneDay);
  if (by === "channel") return channelWord(row.key);
  if (by === "site" && row.key === "") return t("sales.no_site");
  return i18n.pick({ zh: row.name, en: row.name_en }) || row.key;
}

/** `0.9871` → `98.7 %`, `0.9998` → `99.9 %`: a fault is never rounded away; nothing known → undefined. */
export function percent(share: number | null, locale: Locale): string | undefined {
  if (share === null) return undefined;
  return new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1, roundingMode: "floor" }).format(share);
}

/** Seconds as people say them: `4.2 s`, `12 min`, `3.5 h`. */
export function timeTaken(seconds: number, locale: Locale = i18n.locale): string {
  const [value, unit] = seconds < 120 ? [seconds, "second"] : seconds < 7200 ? [seconds / 60, "minute"] : [seconds / 3600, "hour"];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 }).format(value);
}
