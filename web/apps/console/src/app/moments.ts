/** Times as an operator reads them: to the millisecond for evidence, in words for "how long ago". */
import { formatTime, type Locale } from "@vendomat/ui";

const EXACT: Intl.DateTimeFormatOptions = {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23",
};

/** Closer than this is "now": a heartbeat that counts up and back would only flicker. */
const NOW_S = 10;

/** "14:02:11.482" in the machine's time zone. */
export function exactTime(moment: string, locale: Locale, timeZone: string | undefined): string {
  return new Intl.DateTimeFormat(locale, { ...EXACT, ...zone(timeZone) }).format(new Date(moment));
}

/** The calendar day of a moment in a time zone, as `2026-03-01`. */
export function dayOf(moment: string | number, timeZone: string | undefined): string {
  const parts = new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit", ...zone(timeZone) });
  return parts.format(new Date(moment));
}

/** The day and minute of a moment, in the time of whoever reads, or of a named zone. */
export function moment(at: string, locale: Locale, timeZone?: string): string {
  return formatTime(at, "both", locale, timeZone);
}

/** "12 seconds ago", in whole units; the future (a clock that is ahead) reads as now. */
export function ago(moment: string, now: number, locale: Locale): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(moment)) / 1000));
  const words = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
  if (seconds < NOW_S) return words.format(0, "second");
  if (seconds < 60) return words.format(-seconds, "second");
  if (seconds < 3600) return words.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86_400) return words.format(-Math.floor(seconds / 3600), "hour");
  return words.format(-Math.floor(seconds / 86_400), "day");
}

/** What lies between two moments: "+380 ms", "+2.31 s", "+1 min 30 s", "+2 hr 57 min" in the numbers of the language. */
export function gap(from: string, to: string, locale: Locale): string {
  const ms = Math.max(0, Date.parse(to) - Date.parse(from));
  const part = (value: number, unit: string, digits: number) =>
    new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits }).format(value);
  if (ms < 1000) return `+${part(ms, "millisecond", 0)}`;
  if (ms < 60_000) return `+${part(ms / 1000, "second", 2)}`;
  if (ms >= 3_600_000) return `+${part(Math.floor(ms / 3_600_000), "hour", 0)} ${part(Math.floor((ms % 3_600_000) / 60_000), "minute", 0)}`;
  return `+${part(Math.floor(ms / 60_000), "minute", 0)} ${part(Math.round((ms % 60_000) / 1000), "second", 0)}`;
}

export function temperature(celsius: number, locale: Locale): string {
  const shape = { style: "unit", unit: "celsius", unitDisplay: "short", minimumFractionDigits: 1, maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(locale, shape).format(celsius);
}

function zone(timeZone: string | undefined): { timeZone?: string } {
  return timeZone === undefined ? {} : { timeZone };
}
