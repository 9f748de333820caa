import type { Product } from "@vendomat/api";
import { describe, expect, it } from "vitest";
import { addOne, type Cart, fitCart, orderLines, removeOne, totalMinor, unitCount } from "./cart";

const product = (slot: string, available: number, state: Product["state"] = "ok"): Product => ({
  slot,
  product_id: `prd_${slot}`,
  name: { zh: slot, en: slot },
  detail: { zh: "", en: "" },
  category: "",
  price_minor: 350,
  offer: null,
  currency: "CNY",
  image: "",
  available,
  state,
  label: {
    allergens: [],
    energy_kcal: null,
    nutrition: { per: "g", energy_kj: null, fat_mg: null, saturates_mg: null, carbohydrate_mg: null, sugars_mg: null, protein_mg: null, sodium_mg: null },
  },
});
const [a1, a2] = [product("A1", 2), product("A2", 9)];

function filled(...products: Product[]): Cart {
  return products.reduce<Cart>((cart, one) => {
    const answer = addOne(cart, one, 99);
    if (answer.kind !== "added") throw new Error(answer.kind);
    return answer.cart;
  }, []);
}

describe("adding", () => {
  it("makes one line per slot", () => {
    expect(filled(a1, a2, a1)).toEqual([
      { slot: "A1", quantity: 2 },
      { slot: "A2", quantity: 1 },
    ]);
  });

  it("stops at what the slot has and at the machine's limit", () => {
    expect(addOne(filled(a1, a1), a1, 99)).toEqual({ kind: "no_more" });
    expect(addOne(filled(a1, a2), a2, 2)).toEqual({ kind: "cart_full" });
    expect(addOne([], product("B1", 5, "closed"), 9)).toEqual({ kind: "no_more" });
  });

  it("leaves the cart before as it was", () => {
    const before = filled(a1);
    addOne(before, a1, 9);
    expect(unitCount(before)).toBe(1);
  });
});

describe("removing", () => {
  it("drops the line with its last unit", () => {
    expect(removeOne(filled(a1, a1), "A1")).toEqual([{ slot: "A1", quantity: 1 }]);
    expect(removeOne(filled(a1), "A1")).toEqual([]);
    expect(removeOne(filled(a1), "Z9")).toEqual(filled(a1));
  });
});

describe("fitting to what is left", () => {
  it("keeps the very cart when all is there", () => {
    const cart = filled(a1, a2);
    expect(fitCart(cart, [a1, a2]).cart).toBe(cart);
  });

  it("cuts to what is left and says so", () => {
    expect(fitCart(filled(a1, a1, a2), [product("A1", 1)])).toEqual({
      cart: [{ slot: "A1", quantity: 1 }],
      isReduced: true,
    });
  });
});

describe("ordering", () => {
  it("states the prices shown and their exact sum", () => {
    const lines = orderLines(filled(a1, a2, a2), [a1, { ...a2, price_minor: 199 }]);
    expect(lines).toEqual([
      { slot: "A1", quantity: 1, price_minor: 350 },
      { slot: "A2", quantity: 2, price_minor: 199 },
    ]);
    expect(totalMinor(lines)).toBe(748);
  });

  it("refuses a slot that is not on the screen", () => {
    expect(() => orderLines(filled(a1), [])).toThrow(RangeError);
  });
});
