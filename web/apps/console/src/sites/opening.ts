/** Opening hours as people type them: texts of the day ("08:30"), Monday first. Pure. */
import type { Opening } from "../api/statementViews";

export type Day = { isOpen: boolean; from: string; until: string };
const DAY_MINUTES = 1440;
const USUAL: Day = { isOpen: true, from: "08:00", until: "22:00" };

const minutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
const clock = (minute: number) => `${String(Math.floor((minute % DAY_MINUTES) / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

/** Seven days to edit; a site that is always open begins with usual ones. */
export function daysOf(opening: readonly (Opening | null)[]): Day[] {
  if (opening.length === 0) return Array.from({ length: 7 }, () => ({ ...USUAL }));
  return opening.map((one) => (one === null ? { ...USUAL, isOpen: false } : { isOpen: true, from: clock(one.from_minute), until: clock(one.until_minute) }));
}

/** As the cloud takes them. Until 00:00 is the end of the day. */
export function openingOf(days: readonly Day[]): (Opening | null)[] {
  return days.map((day) => (day.isOpen ? { from_minute: minutes(day.from), until_minute: minutes(day.until) || DAY_MINUTES } : null));
}

/** Whether every day that is open has both its times. */
export function isWhole(days: readonly Day[]): boolean {
  return days.every((day) => !day.isOpen || (day.from !== "" && day.until !== ""));
}
