/** What a product's label says, as the law of the reader's language has it. Pure. */
import type { Label, Nutrition } from "@vendomat/api";
import type { Locale } from "@vendomat/ui";
import { i18n, t } from "../i18n";

type Figure = Exclude<keyof Nutrition, "per"> | "salt";
export type LabelRow = { name: Figure; amount: string; isPart: boolean };

/** Regulation (EU) 1169/2011 has salt last and in grams; GB 28050 protein before fat, and sodium in milligrams. */
const ORDER: Readonly<Record<Locale, readonly Figure[]>> = {
  en: ["energy_kj", "fat_mg", "saturates_mg", "carbohydrate_mg", "sugars_mg", "protein_mg", "salt"],
  "zh-CN": ["energy_kj", "protein_mg", "fat_mg", "saturates_mg", "carbohydrate_mg", "sugars_mg", "sodium_mg"],
};
const SALT_OF_SODIUM = 2.5;

/** The figures that are said, in the order of the label. */
export function labelRows(nutrition: Nutrition, locale: Locale): LabelRow[] {
  return ORDER[locale].flatMap((name) => {
    const value = nutrition[name === "salt" ? "sodium_mg" : name];
    if (value === null) return [];
    return [{ name, amount: amountOf(name, value, locale), isPart: name === "saturates_mg" || name === "sugars_mg" }];
  });
}

function amountOf(name: Figure, value: number, locale: Locale): string {
  const text = (figure: number, decimals: number) => new Intl.NumberFormat(locale, { maximumFractionDigits: decimals }).format(figure);
  if (name === "energy_kj") return `${text(value, 0)} kJ`;
  if (name === "sodium_mg") return `${text(value, 0)} mg`;
  const grams = (name === "salt" ? value * SALT_OF_SODIUM : value) / 1000;
  return `${text(grams, grams < 1 ? 2 : 1)} g`;
}

/** One the page has no word for keeps its name: it is never left out. */
export function allergenWords(names: readonly string[]): string {
  const words = names.map((name) => {
    const key = `allergen.${name}`;
    return i18n.has(key) ? t(key) : name;
  });
  return new Intl.ListFormat(i18n.locale, { type: "conjunction" }).format(words);
}

/** Whether there is more to read than the card says. */
export function saysMore(label: Label): boolean {
  return label.allergens.length > 0 || label.energy_kcal !== null || Object.entries(label.nutrition).some(([name, value]) => name !== "per" && value !== null);
}
