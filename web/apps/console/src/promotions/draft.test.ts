import { beforeEach, describe, expect, it } from "vitest";
import type { Promotion, PromotionGoods } from "../api/promotionViews";
import { i18n } from "../i18n";
import { bodyOf, type Draft, draftOf, emptyDraft, ruleOf } from "./draft";
import { ruleText } from "./words";

const GOODS: PromotionGoods = {
  currency: "CNY",
  time_zone: "Asia/Shanghai",
  products: [{ id: "prd_tea", name_zh: "茶", name_en: "Tea", category: "drinks", price_minor: 450 }],
  groups: ["metro"],
  tiers: ["gold"],
  channels: ["alipay", "wallet"],
};
const draft = (changes: Partial<Draft>): Draft => ({ ...emptyDraft(), name: "Happy hour", value: "20", ...changes });
const HAPPY = draft({ categories: ["drinks"], windows: [{ days: [0, 1, 2, 3, 4], start: "14:00", end: "16:00" }] });

function words(typed: Draft): string | undefined {
  const body = bodyOf(typed, 2);
  return body === undefined ? undefined : ruleText(ruleOf(body, ""), GOODS);
}

beforeEach(() => {
  i18n.locale = "en";
});

describe("what is typed", () => {
  it("is said in plain words in both languages", () => {
    expect(words(HAPPY)).toBe("Mon–Fri 14:00–16:00, drinks, 20% off");
    i18n.locale = "zh-CN";
    expect(words(HAPPY)).toBe("周一–周五 14:00–16:00，drinks，优惠 20%");
  });

  it.each([
    [draft({ kind: "n_for_m", products: ["prd_tea"] }), "Always, Tea, take 3, pay 2"],
    [draft({ kind: "bundle", value: "8", parts: [{ what: "category:drinks", quantity: 2 }, { what: "product:prd_tea", quantity: 1 }] }), "Always, 2 × drinks + Tea for ¥8.00"],
    [draft({ kind: "cart_off", value: "5", from: "20", machines: ["m"], isStackable: true }), "Always, all goods, ¥5.00 off the whole cart, from ¥20.00, at 1 machine, on top of others"],
    [draft({ groups: ["metro"], tiers: ["gold"], channels: ["alipay", "wallet"] }), "Always, all goods, 20% off, at machines tagged metro, for members of gold, paid by Alipay, Member wallet"],
    [draft({ windows: [{ days: [5, 6], start: "00:00", end: "00:00" }] }), "Sat, Sun, all goods, 20% off"],
    [draft({ windows: [{ days: [0, 1, 2, 3, 4, 5, 6], start: "22:00", end: "02:00" }] }), "Daily 22:00–02:00, all goods, 20% off"],
  ])("%j", (typed, said) => {
    expect(words(typed)).toBe(said);
  });

  it.each([
    draft({ name: " " }),
    draft({ value: "" }),
    draft({ value: "0" }),
    draft({ value: "101" }),
    draft({ value: "1.234" }),
    draft({ kind: "amount_off", value: "-1" }),
    draft({ kind: "n_for_m", take: 2, pay: 2 }),
    draft({ kind: "bundle", value: "8", parts: [{ what: "", quantity: 1 }] }),
    draft({ windows: [{ days: [], start: "14:00", end: "16:00" }] }),
    draft({ windows: [{ days: [0], start: "", end: "16:00" }] }),
    draft({ moneyMax: "x" }),
    draft({ usesMax: "1.5" }),
  ])("is no rule yet: %j", (typed) => {
    expect(bodyOf(typed, 2)).toBeUndefined();
  });

  it("comes back from the cloud as it was typed", () => {
    for (const typed of [HAPPY, draft({ kind: "bundle", value: "8.5", moneyMax: "500", usesMax: "9", startsAt: "2026-11-23T08:30" })]) {
      const body = bodyOf(typed, 2);
      expect(body).toBeDefined();
      const known = { ...body, id: "prm_1", state: "draft", version: 1, given_minor: 0, given_uses: 0 } as Promotion;
      expect(bodyOf(draftOf(known, 2), 2)).toEqual(body);
    }
  });
});
