import type { Nutrition } from "@vendomat/api";
import { describe, expect, it } from "vitest";
import { i18n } from "../i18n";
import { allergenWords, labelRows, saysMore } from "./label";

const NONE: Nutrition = {
  per: "g", energy_kj: null, fat_mg: null, saturates_mg: null, carbohydrate_mg: null, sugars_mg: null, protein_mg: null, sodium_mg: null,
};

describe("labelRows", () => {
  const milk: Nutrition = { ...NONE, per: "ml", energy_kj: 272, fat_mg: 3600, saturates_mg: 2300, protein_mg: 3200, sodium_mg: 42 };

  it("has the order and units of each language's label, without what is not said", () => {
    const of = (locale: "en" | "zh-CN") => labelRows(milk, locale).map((row) => [row.name, row.amount]);
    expect(of("en")).toEqual([
      ["energy_kj", "272 kJ"], ["fat_mg", "3.6 g"], ["saturates_mg", "2.3 g"], ["protein_mg", "3.2 g"], ["salt", "0.11 g"],
    ]);
    expect(of("zh-CN")).toEqual([
      ["energy_kj", "272 kJ"], ["protein_mg", "3.2 g"], ["fat_mg", "3.6 g"], ["saturates_mg", "2.3 g"], ["sodium_mg", "42 mg"],
    ]);
    expect(labelRows(milk, "en").filter((row) => row.isPart).map((row) => row.name)).toEqual(["saturates_mg"]);
  });

  it("says zero where zero is said", () => {
    expect(labelRows({ ...NONE, fat_mg: 0 }, "en")).toEqual([{ name: "fat_mg", amount: "0 g", isPart: false }]);
  });
});

it("names every allergen, those without a word too", () => {
  i18n.locale = "en";
  expect(allergenWords(["milk", "nuts", "kiwi"])).toBe("milk, nuts, and kiwi");
  i18n.locale = "zh-CN";
  expect(allergenWords(["milk", "nuts"])).toBe("奶和坚果");
});

it("knows a label that says nothing", () => {
  const label = { allergens: [], energy_kcal: null, nutrition: NONE };
  expect(saysMore(label)).toBe(false);
  expect([saysMore({ ...label, allergens: ["milk"] }), saysMore({ ...label, energy_kcal: 0 })]).toEqual([true, true]);
  expect(saysMore({ ...label, nutrition: { ...NONE, sodium_mg: 0 } })).toBe(true);
});
