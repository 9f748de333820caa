/** A rule in plain words: what it gives, on what, when and where. Pure but for the reader's language. */
import type { PromotedProduct, PromotionGoods, PromotionState, Rule, WeekWindow } from "../api/promotionViews";
import { i18n, t } from "../i18n";
import { channelWord } from "../orders/words";
import { percentText } from "../sites/terms";
import { timeText } from "./draft";

export const TONES = { draft: "off", active: "ok", ended: "off" } as const satisfies Record<PromotionState, string>;
const MONDAY = Date.UTC(2024, 0, 1);
const NAMES_MAX = 3;

/** "Mon–Fri 14:00–16:00, drinks, 20% off". */
export function ruleText(rule: Rule, goods: PromotionGoods): string {
  const found = [whenText(rule), rule.kind === "bundle" ? "" : goodsText(rule, goods.products), giftText(rule, goods)];
  if (rule.from_minor > 0) found.push(t("promo.from", { amount: i18n.money(rule.from_minor, goods.currency) }));
  if (rule.machines.length > 0) found.push(t("promo.at_machines", { count: rule.machines.length }));
  if (rule.groups.length > 0) found.push(t("promo.at_groups", { names: rule.groups.join(t("promo.and")) }));
  if (rule.tiers.length > 0) found.push(t("promo.for_tiers", { names: rule.tiers.join(t("promo.and")) }));
  if (rule.channels.length > 0) found.push(t("promo.by_channels", { names: rule.channels.map(channelWord).join(t("promo.and")) }));
  if (rule.needs_coupon) found.push(t("promo.with_coupon"));
  if (rule.is_stackable) found.push(t("promo.stacks"));
  return found.filter((part) => part !== "").join(t("promo.comma"));
}

export function giftText(rule: Rule, goods: PromotionGoods): string {
  const amount = i18n.money(rule.value_minor, goods.currency);
  switch (rule.kind) {
    case "percent":
      return t("promo.gives_percent", { percent: percentText(rule.basis_points) });
    case "n_for_m":
      return t("promo.gives_n_for_m", { take: rule.take, pay: rule.pay });
    case "bundle":
      return t("promo.gives_bundle", { amount, goods: rule.parts.map((part) => partText(part, goods.products)).join(" + ") });
    default:
      return t(`promo.gives_${rule.kind}`, { amount });
  }
}

function partText(part: Rule["parts"][number], products: readonly PromotedProduct[]): string {
  const name = goodsText(part, products);
  return part.quantity > 1 ? `${part.quantity} × ${name}` : name;
}

export function goodsText(scope: { products: string[]; categories: string[] }, products: readonly PromotedProduct[]): string {
  const names = [...scope.categories, ...scope.products.map((id) => productName(products, id))];
  if (names.length === 0) return t("promo.all_goods");
  const shown = names.slice(0, NAMES_MAX).join(t("promo.and"));
  return names.length > NAMES_MAX ? t("promo.and_more", { names: shown, count: names.length - NAMES_MAX }) : shown;
}

export function productName(products: readonly PromotedProduct[], id: string): string {
  const found = products.find((product) => product.id === id);
  return found === undefined ? id : i18n.pick({ zh: found.name_zh, en: found.name_en });
}

function whenText(rule: Rule): string {
  const found = rule.windows.map(windowText);
  const date = new Intl.DateTimeFormat(i18n.locale, { dateStyle: "medium", timeStyle: "short" });
  if (rule.starts_at !== null) found.push(t("promo.since", { at: date.format(new Date(rule.starts_at)) }));
  if (rule.ends_at !== null) found.push(t("promo.until", { at: date.format(new Date(rule.ends_at)) }));
  return found.length === 0 ? t("promo.always") : found.join(t("promo.comma"));
}

function windowText(window: WeekWindow): string {
  const isWholeDay = window.start === 0 && window.end === 1440;
  return isWholeDay ? daysText(window.days) : `${daysText(window.days)} ${timeText(window.start)}–${timeText(window.end)}`;
}

/** 0,1,2,3,4 → "Mon–Fri"; 0,2 → "Mon, Wed". */
export function daysText(days: readonly number[]): string {
  const known = [...new Set(days)].sort((a, b) => a - b);
  if (known.length === 7) return t("promo.daily");
  const [first = 0, last = 0] = [known[0], known.at(-1)];
  const isRun = known.length > 2 && last - first === known.length - 1;
  return isRun ? `${dayName(first)}–${dayName(last)}` : known.map(dayName).join(t("promo.and"));
}

export function dayName(day: number): string {
  return new Intl.DateTimeFormat(i18n.locale, { weekday: "short", timeZone: "UTC" }).format(new Date(MONDAY + day * 86_400_000));
}
