/** Coupons in words, as they are asked for and as they are taken along. Pure but for the reader's language. */
import type { CouponBatch, NewCoupons } from "../api/promotionViews";
import { t } from "../i18n";
import { instantOf } from "./draft";

export type CouponDraft = { kind: "codes" | "word"; word: string; count: number; uses: number; endsAt: string };

const WORD = /^[A-Z0-9]{4,16}$/;
const isCount = (count: number, most: number) => Number.isInteger(count) && count >= 1 && count <= most;

/** What is asked for, or undefined while something is missing or makes no sense. */
export function newCoupons(draft: CouponDraft): NewCoupons | undefined {
  const when = { starts_at: null, ends_at: instantOf(draft.endsAt) };
  if (draft.kind === "codes") return isCount(draft.count, 1000) ? { word: "", count: draft.count, uses_each: 1, ...when } : undefined;
  const word = draft.word.trim().toUpperCase();
  return WORD.test(word) && isCount(draft.uses, 1_000_000) ? { word, count: 1, uses_each: draft.uses, ...when } : undefined;
}

/** A word as it is, drawn codes by their number. */
export function couponWord(batch: CouponBatch): string {
  return batch.word === "" ? t("coupon.codes", { count: batch.count }) : batch.word;
}

export function couponStatus(batch: CouponBatch, nowMs: number): { tone: "ok" | "off"; word: "coupon.state_good" | "coupon.state_over" | "coupon.state_spent" | "coupon.state_withdrawn" } {
  if (batch.withdrawn_at !== null) return { tone: "off", word: "coupon.state_withdrawn" };
  if (batch.used >= batch.count * batch.uses_each) return { tone: "off", word: "coupon.state_spent" };
  const isOver = batch.ends_at !== null && Date.parse(batch.ends_at) <= nowMs;
  return isOver ? { tone: "off", word: "coupon.state_over" } : { tone: "ok", word: "coupon.state_good" };
}

/** In groups of four, as it is printed. */
export function couponText(code: string): string {
  return code.replace(/(.{4})(?=.)/g, "$1 ");
}

/** A table of codes, with what a code to be scanned has to say. */
export function couponTable(codes: readonly string[]): string {
  return ["code,scan", ...codes.map((code) => `${code},coupon:${code}`)].join("\r\n") + "\r\n";
}
