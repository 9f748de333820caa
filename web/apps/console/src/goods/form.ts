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
  age: string;
  isPerishable: boolean;
  shelfLife: string;
};

/** What cannot always be read as it was typed. */
export type WrongField = "price" | "tax" | "barcode" | "energy" | "age" | "shelfLife";

export const EMPTY_FORM: Readonly<ProductForm> = {
  sku: "", name_zh: "", name_en: "", detail_zh: "", detail_en: "", category: "", price: "", image: "", barcode: "", tax: "0",
  allergens: [], energy: "", age: "", isPerishable: false, shelfLife: "",
};

const PERCENT_DECIMALS = 2;

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
    age_min: age ?? 0,
    is_perishable: form.isPerishable,
    shelf_life_days: shelfLife,
  };
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
  return text.replace(/\.?0+$/, "") || "0";
}

/** A whole number; null for nothing typed, undefined for what is none. */
function wholeOf(text: string): number | null | undefined {
  const typed = text.trim();
  if (typed === "") return null;
  return /^\d{1,5}$/.test(typed) ? Number(typed) : undefined;
}
