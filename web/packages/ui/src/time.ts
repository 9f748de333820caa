/** Times for people: the clock, the date, and what is left of a countdown. The browser's locale data does the work. */
import type { Locale } from "./i18n/locale";

export type TimeForm = "time" | "date" | "both";

const SHAPES: Readonly<Record<TimeForm, Intl.DateTimeFormatOptions>> = {
  time: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  date: { year: "numeric", month: "short", day: "numeric" },
  both: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
};

/**
 * An RFC 3339 moment in a time zone (the machine's, not the viewer's, where it matters). Day and time of another year
 * than that of `now` (epoch milliseconds) say their year, too.
 */
export function formatTime(moment: string, form: TimeForm, locale: Locale, timeZone?: string, now = Date.now()): string {
  const zone = timeZone === undefined ? {} : { timeZone };
  const year = (at: Date | number) => new Intl.DateTimeFormat("en", { year: "numeric", ...zone }).format(at);
  const at = new Date(moment);
  const shape = form === "both" && year(at) !== year(now) ? { year: "numeric" as const, ...SHAPES[form] } : SHAPES[form];
  return new Intl.DateTimeFormat(locale, { ...shape, ...zone }).format(at);
}

/** What is left, as whole seconds rounded up: a countdown shows 0 only when nothing is left. */
export function secondsLeft(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1000));
}

/** 125000 → "2:05". */
export function clockText(ms: number): string {
  const seconds = secondsLeft(ms);
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toString().padStart(2, "0")}`;
}
