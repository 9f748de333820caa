/** Times for people: the clock, the date, and what is left of a countdown. The browser's locale data does the work. */
import type { Locale } from "./i18n/locale";

export type TimeForm = "time" | "date" | "both";

const SHAPES: Readonly<Record<TimeForm, Intl.DateTimeFormatOptions>> = {
  time: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  date: { year: "numeric", month: "short", day: "numeric" },
  both: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
};

/** An RFC 3339 moment in a time zone (the machine's, not the viewer's, where it matters). */
export function formatTime(moment: string, form: TimeForm, locale: Locale, timeZone?: string): string {
  const options = timeZone === undefined ? SHAPES[form] : { ...SHAPES[form], timeZone };
  return new Intl.DateTimeFormat(locale, options).format(new Date(moment));
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
