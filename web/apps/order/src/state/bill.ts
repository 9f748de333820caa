/** What a buyer types from a bill, in the form the cloud reads. Pure. */
import type { Bill } from "./client";

const NUMBER_CHARACTERS_MIN = 8;
const AMOUNT = /^[0-9]{1,9}(\.[0-9]{1,3})?$/;

/** `¥ 5,50` → `5.50`; the local minute → a moment. Nothing while a field is empty or unreadable. */
export function billOf(number: string, amount: string, localMinute: string): Bill | undefined {
  const trimmed = number.replace(/\s+/g, "");
  const plain = amount.replace(/[^0-9.,-]/g, "").replace(/^-/, "").replace(",", ".");
  const moment = new Date(localMinute);
  if (trimmed.length < NUMBER_CHARACTERS_MIN || !AMOUNT.test(plain) || Number.isNaN(moment.getTime())) return undefined;
  return { number: trimmed, amount: plain, paid_at: moment.toISOString() };
}
