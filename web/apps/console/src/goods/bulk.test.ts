import { describe, expect, it } from "vitest";
import { fieldsOf } from "./bulk";

describe("a change of many products", () => {
  it("says only what is changed", () => {
    expect(fieldsOf({})).toEqual({});
    expect(fieldsOf({ tax: "13" })).toEqual({ tax_bp: 1300 });
    expect(fieldsOf({ category: " hot ", age: "18", isPerishable: "yes", shelfLife: "30", isAway: "no" })).toEqual({
      category: "hot", age_min: 18, is_perishable: true, shelf_life_days: 30, is_archived: false,
    });
  });

  it("takes an empty field for none", () => {
    expect(fieldsOf({ category: "", tax: "", age: "", shelfLife: "" })).toEqual({ category: "", tax_bp: 0, age_min: 0, shelf_life_days: null });
  });

  it.each([[{ tax: "x" }, "tax"], [{ tax: "100.01" }, "tax"], [{ age: "100" }, "age"], [{ age: "1.5" }, "age"], [{ shelfLife: "0" }, "shelfLife"], [{ shelfLife: "3651" }, "shelfLife"]])(
    "names what cannot be read: %j",
    (form, field) => expect(fieldsOf(form)).toBe(field),
  );
});
