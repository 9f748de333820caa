import { describe, expect, it } from "vitest";
import type { ProductData } from "../api/goodsViews";
import { dataOf, formOf, isBarcode, marginPercent, saltOf } from "./form";

const COCOA: ProductData = {
  sku: "cocoa", name_zh: "热可可", name_en: "Cocoa", detail_zh: "", detail_en: "", category: "drinks", price_minor: 650, image: "",
  barcode: "4006381333931", tax_bp: 1350, allergens: ["milk", "soya"], energy_kcal: 180,
  nutrition_per: "ml", energy_kj: 300, fat_mg: 1500, saturates_mg: null, carbohydrate_mg: 11_250, sugars_mg: 0, protein_mg: null, sodium_mg: 48, age_min: 0, is_perishable: true,
  shelf_life_days: null,
};

describe("a product's form", () => {
  it("says what it was told", () => {
    const form = formOf(COCOA, "CNY");
    expect([form.price, form.tax, form.age, form.shelfLife]).toEqual(["6.50", "13.5", "", ""]);
    expect(dataOf(form, "CNY")).toEqual(COCOA);
    expect(dataOf(formOf({ ...COCOA, tax_bp: 1000 }, "JPY"), "JPY")).toEqual({ ...COCOA, tax_bp: 1000 });
  });

  it("says nutrients in grams, and sodium as salt too", () => {
    const form = formOf(COCOA, "CNY");
    expect(form.nutrition).toEqual({
      energy_kj: "300", fat_mg: "1.5", saturates_mg: "", carbohydrate_mg: "11.25", sugars_mg: "0", protein_mg: "", sodium_mg: "48",
    });
    expect([saltOf("48"), saltOf(""), saltOf("x"), saltOf("0")]).toEqual(["0.12", "", "", "0"]);
    for (const [name, text] of [["fat_mg", "1.2345"], ["sodium_mg", "1.5"], ["saturates_mg", "1.6"], ["sugars_mg", "-1"]]) {
      expect(dataOf({ ...form, nutrition: { ...form.nutrition, [name as string]: text as string } }, "CNY")).toBe(name);
    }
  });

  it.each([
    ["price", "0"],
    ["price", "6.505"],
    ["tax", "101"],
    ["barcode", "4006381333932"],
    ["energy", "1.5"],
    ["age", "x"],
    ["shelfLife", "0"],
  ] as const)("names %s when it is %s", (field, text) => {
    expect(dataOf({ ...formOf(COCOA, "CNY"), [field]: text }, "CNY")).toBe(field);
  });
});

it("knows check digits", () => {
  expect(["", "96385074", "036000291452", "4006381333931"].map(isBarcode)).toEqual([true, true, true, true]);
  expect(["96385073", "123", "400638133393x"].map(isBarcode)).toEqual([false, false, false]);
});

it("has a margin only where a cost is known", () => {
  expect([marginPercent(400, 100), marginPercent(400, 500), marginPercent(400, null)]).toEqual([75, -25, undefined]);
});
