/** A product as a person types it, and what the cloud is told. Pure. */
import { decimalText, exponentOf, minorOf } from "@vendomat/ui";
import type { Allergen, ProductData } from "../api/goodsViews";

export type ProductForm = {
  sku: string;
  name_zh: string;
  name_en: string;
  detail_zh: string;
  detail_en: string;
  category: string;
  price: string;
  image: string;
  barcode: string;
  tax: string;
  allergens: Allergen[];
  energy: string;
  per: ProductData["nutrition_per"];
  nutrition: Record<Nutrient, string>;
  age: string;
  isPerishable: boolean;
  shelfLife: string;
};

/** What is typed of a nutrient, with how many decimals: grams as the label says them, kept in milligrams. */
const DECIMALS = { energy_kj: 0, fat_mg: 3, saturates_mg: 3, carbohydrate_mg: 3, sugars_mg: 3, protein_mg: 3, sodium_mg: 0 } as const;
export type Nutrient = keyof typeof DECIMALS;
export const NUTRIENTS = Object.keys(DECIMALS) as Nutrient[];

/** What cannot always be read as it was typed. */
export type WrongField = "price" | "tax" | "barcode" | "energy" | Nutrient | "age" | "shelfLife";

export const EMPTY_FORM: Readonly<ProductForm> = {
  sku: "", name_zh: "", name_en: "", detail_zh: "", detail_en: "", category: "", price: "", image: "", barcode: "", tax: "0",
  allergens: [], energy: "", per: "g", nutrition: noFigures(), age: "", isPerishable: false, shelfLife: "",
};

export const PERCENT_DECIMALS = 2;

export function formOf(data: ProductData, currency: string): ProductForm {
  return {
    sku: data.sku,
    name_zh: data.name_zh,
    name_en: data.name_en,
    detail_zh: data.detail_zh,
    detail_en: data.detail_en,
    category: data.category,
    price: decimalText(data.price_minor, exponentOf(currency)),
    image: data.image,
    barcode: data.barcode,
    tax: plainDecimal(decimalText(data.tax_bp, PERCENT_DECIMALS)),
    allergens: [...data.allergens],
    energy: data.energy_kcal === null ? "" : String(data.energy_kcal),
    per: data.nutrition_per,
    nutrition: noFigures((name) => {
      const figure = data[name];
      return figure === null ? "" : plainDecimal(decimalText(figure, DECIMALS[name]));
    }),
    age: data.age_min === 0 ? "" : String(data.age_min),
    isPerishable: data.is_perishable,
    shelfLife: data.shelf_life_days === null ? "" : String(data.shelf_life_days),
  };
}

/** What was typed as the cloud takes it, or the name of the first field that cannot be read. */
export function dataOf(form: ProductForm, currency: string): ProductData | WrongField {
  const price = minorOf(form.price, exponentOf(currency));
  const tax = minorOf(form.tax === "" ? "0" : form.tax, PERCENT_DECIMALS);
  const energy = wholeOf(form.energy);
  const age = wholeOf(form.age);
  const shelfLife = wholeOf(form.shelfLife);
  if (price === undefined || price === 0) return "price";
  if (tax === undefined || tax > 10_000) return "tax";
  if (!isBarcode(form.barcode.trim())) return "barcode";
  if (energy === undefined) return "energy";
  const figures = figuresOf(form.nutrition);
  if (typeof figures === "string") return figures;
  if (age === undefined) return "age";
  if (shelfLife === undefined || shelfLife === 0) return "shelfLife";
  return {
    sku: form.sku.trim(),
    name_zh: form.name_zh.trim(),
    name_en: form.name_en.trim(),
    detail_zh: form.detail_zh.trim(),
    detail_en: form.detail_en.trim(),
    category: form.category.trim(),
    price_minor: price,
    image: form.image,
    barcode: form.barcode.trim(),
    tax_bp: tax,
    allergens: [...form.allergens].sort(),
    energy_kcal: energy,
    nutrition_per: form.per,
    ...figures,
    age_min: age ?? 0,
    is_perishable: form.isPerishable,
    shelf_life_days: shelfLife,
  };
}

/** The salt that a label of the EU says instead of sodium, in grams; empty when nothing was typed. */
export function saltOf(sodium: string): string {
  const mg = wholeOf(sodium);
  return mg == null ? "" : plainDecimal(decimalText(Math.round(mg * 2.5), 3));
}

function noFigures(of: (name: Nutrient) => string = () => ""): Record<Nutrient, string> {
  return Object.fromEntries(NUTRIENTS.map((name) => [name, of(name)])) as Record<Nutrient, string>;
}

function figuresOf(typed: Readonly<Record<Nutrient, string>>): Record<Nutrient, number | null> | Nutrient {
  const figures = {} as Record<Nutrient, number | null>;
  for (const name of NUTRIENTS) {
    const text = typed[name].trim();
    const figure = text === "" ? null : minorOf(text, DECIMALS[name]);
    if (figure === undefined) return name;
    figures[name] = figure;
  }
  if ((figures.saturates_mg ?? 0) > (figures.fat_mg ?? 0)) return "saturates_mg";
  return (figures.sugars_mg ?? 0) > (figures.carbohydrate_mg ?? 0) ? "sugars_mg" : figures;
}

/** EAN-8, UPC-A or EAN-13 with a right check digit; empty is none. */
export function isBarcode(text: string): boolean {
  if (text === "") return true;
  if (!/^(\d{8}|\d{12,13})$/.test(text)) return false;
  const weighed = [...text].reverse().reduce((sum, digit, place) => sum + Number(digit) * (place % 2 === 1 ? 3 : 1), 0);
  return weighed % 10 === 0;
}

/** How much of the price is left, in whole percent; undefined without a cost. Tax is not looked at. */
export function marginPercent(priceMinor: number, costMinor: number | null): number | undefined {
  return costMinor === null || priceMinor === 0 ? undefined : Math.round(((priceMinor - costMinor) * 100) / priceMinor);
}

/** "13.00" → "13", "5.50" → "5.5". */
function plainDecimal(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A whole number; null for nothing typed, undefined for what is none. */
export function wholeOf(text: string): number | null | undefined {
  const typed = text.trim();
  if (typed === "") return null;
  return /^\d{1,5}$/.test(typed) ? Number(typed) : undefined;
}
