/** Periods as they stand in an address: `2026-06-01` is a day, `2026-06` a month. Pure. */
import type { Tone } from "@vendomat/ui";
import type { AccountLine, Standing, Statement } from "../api/statementViews";

export type Form = "day" | "month";

export function formOf(period: string): Form {
  return period.length === "2026-06".length ? "month" : "day";
}

/** The same place in the other form: the month of a day, or the newest day of a month that is not in the future. */
export function inForm(period: string, form: Form, today: string): string {
  if (formOf(period) === form) return period;
  if (form === "month") return period.slice(0, 7);
  const last = shifted(shifted(period, 1) + "-01", -1);
  return last > today ? today : last;
}

/** The period `by` steps later, whatever lengths months have. */
export function shifted(period: string, by: number): string {
  const [year = 0, month = 1, day] = period.split("-").map(Number);
  if (day === undefined) return new Date(Date.UTC(year, month - 1 + by, 1)).toISOString().slice(0, 7);
  return new Date(Date.UTC(year, month - 1, day + by)).toISOString().slice(0, 10);
}

export function standingTone(standing: Standing): Tone {
  if (standing === "closed") return "ok";
  return standing === "running" ? "off" : "warn";
}

/** How many days of the statement keep it from being closed. */
export function openDays(statement: Statement): number {
  return statement.days.filter((one) => one.standing === "provisional").length;
}

/** Whether an account does what its line says; shown, so that nobody has to believe it. */
export function addsUp(line: AccountLine): boolean {
  const moved = line.payments_minor + line.refunds_minor + line.fees_minor + line.payouts_minor + line.other_minor;
  return line.opening_minor + moved === line.closing_minor;
}
