/** What somebody types into the editor, and the rule it stands for. Pure; what makes no sense gives no rule. */
import { decimalText, minorOf } from "@vendomat/ui";
import type { BundlePart, Promotion, PromotionBody, PromotionKind, Rule } from "../api/promotionViews";

export type WindowDraft = { days: number[]; start: string; end: string };
/** `what` is "" for all goods, `category:…` or `product:…`. */
export type PartDraft = { what: string; quantity: number };
export type Draft = {
  name: string;
  kind: PromotionKind;
  value: string;
  take: number;
  pay: number;
  parts: PartDraft[];
  categories: string[];
  products: string[];
  machines: string[];
  groups: string[];
  tiers: string[];
  channels: string[];
  startsAt: string;
  endsAt: string;
  windows: WindowDraft[];
  from: string;
  priority: number;
  isStackable: boolean;
  needsCoupon: boolean;
  moneyMax: string;
  usesMax: string;
};

export const WORK_DAYS = [0, 1, 2, 3, 4];
export const GROUPING: readonly PromotionKind[] = ["n_for_m", "bundle"];

export function emptyDraft(): Draft {
  return {
    name: "", kind: "percent", value: "", take: 3, pay: 2, parts: [{ what: "", quantity: 1 }, { what: "", quantity: 1 }],
    categories: [], products: [], machines: [], groups: [], tiers: [], channels: [], startsAt: "", endsAt: "", windows: [], from: "", priority: 0,
    isStackable: false, needsCoupon: false, moneyMax: "", usesMax: "",
  };
}

export function draftOf(promotion: Promotion, exponent: number): Draft {
  const amount = (minor: number | null) => (minor === null || minor === 0 ? "" : decimalText(minor, exponent));
  return {
    ...emptyDraft(),
    name: promotion.name,
    kind: promotion.kind,
    value: promotion.kind === "percent" ? decimalText(promotion.basis_points, 2).replace(/\.?0+$/, "") : amount(promotion.value_minor),
    ...(promotion.kind === "n_for_m" ? { take: promotion.take, pay: promotion.pay } : {}),
    ...(promotion.kind === "bundle" ? { parts: promotion.parts.map(partDraftOf) } : {}),
    categories: promotion.categories,
    products: promotion.products,
    machines: promotion.machines,
    groups: promotion.groups,
    tiers: promotion.tiers,
    channels: promotion.channels,
    startsAt: localOf(promotion.starts_at),
    endsAt: localOf(promotion.ends_at),
    windows: promotion.windows.map((one) => ({ days: one.days, start: timeText(one.start), end: timeText(one.end) })),
    from: amount(promotion.from_minor),
    priority: promotion.priority,
    isStackable: promotion.is_stackable,
    needsCoupon: promotion.needs_coupon,
    moneyMax: amount(promotion.money_max),
    usesMax: promotion.uses_max === null ? "" : String(promotion.uses_max),
  };
}

/** The rule, or undefined while something is missing or makes no sense. */
export function bodyOf(draft: Draft, exponent: number): PromotionBody | undefined {
  const amounts = [draft.from, draft.moneyMax].map((text) => (text === "" ? 0 : minorOf(text, exponent)));
  const gift = giftOf(draft, exponent);
  const windows = draft.windows.map((one) => ({ days: one.days, start: minuteOf(one.start), end: minuteOf(one.end) || 1440 }));
  const uses = draft.usesMax === "" ? null : Number(draft.usesMax);
  const [from, money] = amounts;
  const areAmountsGood = from !== undefined && money !== undefined && (uses === null || (Number.isInteger(uses) && uses > 0));
  const areWindowsGood = windows.every((one) => one.days.length > 0 && !Number.isNaN(one.start) && !Number.isNaN(one.end));
  if (gift === undefined || draft.name.trim() === "" || !areAmountsGood || !areWindowsGood) return undefined;
  const isBundle = draft.kind === "bundle";
  return {
    name: draft.name.trim(),
    kind: draft.kind,
    value_minor: 0, basis_points: 0, take: 0, pay: 0, parts: [],
    ...gift,
    products: isBundle ? [] : draft.products,
    categories: isBundle ? [] : draft.categories,
    machines: draft.machines,
    groups: draft.groups,
    tiers: draft.tiers,
    channels: draft.channels,
    starts_at: instantOf(draft.startsAt),
    ends_at: instantOf(draft.endsAt),
    windows,
    from_minor: from,
    priority: draft.priority,
    is_stackable: draft.isStackable && !GROUPING.includes(draft.kind),
    needs_coupon: draft.needsCoupon,
    money_max: money === 0 ? null : money,
    uses_max: uses,
  };
}

/** A rule without its budget, as a preview and a trial take it. */
export function ruleOf({ money_max: _money, uses_max: _uses, ...rule }: PromotionBody, id: string): Rule & { id: string } {
  return { ...rule, id };
}

function giftOf(draft: Draft, exponent: number): Partial<PromotionBody> | undefined {
  if (draft.kind === "n_for_m") {
    const isGood = draft.pay >= 1 && draft.pay < draft.take && draft.take <= 6;
    return isGood ? { take: draft.take, pay: draft.pay } : undefined;
  }
  if (draft.kind === "percent") {
    const points = minorOf(draft.value, 2);
    return points === undefined || points === 0 || points > 10_000 ? undefined : { basis_points: points };
  }
  const minor = minorOf(draft.value, exponent);
  if (minor === undefined || minor === 0) return undefined;
  if (draft.kind !== "bundle") return { value_minor: minor };
  const units = draft.parts.reduce((sum, part) => sum + part.quantity, 0);
  return units < 2 || units > 6 ? undefined : { value_minor: minor, parts: draft.parts.map(partOf) };
}

function partOf({ what, quantity }: PartDraft): BundlePart {
  const [kind, id = ""] = [what.slice(0, what.indexOf(":")), what.slice(what.indexOf(":") + 1)];
  return { products: kind === "product" ? [id] : [], categories: kind === "category" ? [id] : [], quantity };
}

function partDraftOf(part: BundlePart): PartDraft {
  const [category, product] = [part.categories[0], part.products[0]];
  return { what: product !== undefined ? `product:${product}` : category !== undefined ? `category:${category}` : "", quantity: part.quantity };
}

/** 870 → "14:30"; the end of the day is "00:00". */
export function timeText(minute: number): string {
  const part = (count: number) => String(count).padStart(2, "0");
  return `${part(Math.floor(minute / 60) % 24)}:${part(minute % 60)}`;
}

export function minuteOf(text: string): number {
  const [hours, minutes] = text.split(":").map(Number);
  return hours === undefined || minutes === undefined ? Number.NaN : hours * 60 + minutes;
}

/** What a date field holds is by the reader's own clock. */
export function instantOf(local: string): string | null {
  return local === "" ? null : new Date(local).toISOString();
}

function localOf(instant: string | null): string {
  if (instant === null) return "";
  const at = new Date(instant);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
