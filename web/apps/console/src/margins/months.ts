/** The months that margins are of. Pure: months are texts (`2026-06`), as asked. */
export type Months = { first: string; last: string };
export const SPANS = ["this", "last", "three", "year"] as const;
export type SpanName = (typeof SPANS)[number];

/** `2026-01` and 1 → `2025-12`. */
export function monthsBefore(month: string, count: number): string {
  const [year = 0, number = 1] = month.split("-").map(Number);
  const index = year * 12 + number - 1 - count;
  return `${Math.floor(index / 12)}-${String((index % 12) + 1).padStart(2, "0")}`;
}

/** The months of a named span that ends with the month of `today` (`2026-06-17`), or the one before. */
export function monthsOf(name: SpanName, today: string): Months {
  const month = today.slice(0, 7);
  const before = { this: 0, last: 1, three: 2, year: 11 }[name];
  return { first: monthsBefore(month, before), last: name === "last" ? monthsBefore(month, 1) : month };
}
