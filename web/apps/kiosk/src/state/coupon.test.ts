import { KioskClient, type Snapshot } from "@vendomat/api";
import { beforeEach, describe, expect, it } from "vitest";
import { browse } from "../../dev/scenes.mjs";
import { addLetter, couponText, isCoupon } from "./coupon";
import { Kiosk } from "./kiosk.svelte";

let sent: { path: string; body: Record<string, unknown> }[];
let kiosk: Kiosk;
let revision: number;

const ID = "cpn_1";
function show(coupon: object = {}, more: object = {}): void {
  revision += 1;
  const picture = browse();
  kiosk.apply({ ...picture, takes_coupons: true, coupon: { ...picture.coupon, ...coupon }, ...more, revision } as Snapshot);
}
const accepted = { id: ID, state: "accepted" };
const asked = (path: string) => sent.filter((one) => one.path === path);

beforeEach(() => {
  [sent, revision] = [[], 0];
  const client = new KioskClient("", {
    fetch: (path, init) => {
      sent.push({ path, body: JSON.parse(String(init.body)) });
      return Promise.resolve(new Response("{}", { status: 200 }));
    },
    wait: () => Promise.resolve(),
  });
  kiosk = new Kiosk({ client, now: () => 0, newId: () => "req_1", reload: () => undefined });
  kiosk.setLink("live");
});

describe("a coupon as it is typed", () => {
  it("has 4 to 16 letters and digits, shown in fours", () => {
    expect(["ABC", "ABCD"].map(isCoupon)).toEqual([false, true]);
    expect([addLetter("AB", "C"), addLetter("A".repeat(16), "B")]).toEqual(["ABC", "A".repeat(16)]);
    expect(["", "ABCD", "ABCDE", "ABCDEFGH9"].map(couponText)).toEqual(["", "ABCD", "ABCD E", "ABCD EFGH 9"]);
  });

  it("is handed on once and told of on its page", async () => {
    show();
    kiosk.wake("coupon");
    for (const letter of "SAL") kiosk.typeLetter(letter);
    await kiosk.submitCoupon();
    expect(asked("/api/coupon")).toEqual([]);
    kiosk.typeLetter("E");
    await kiosk.submitCoupon();
    expect([asked("/api/coupon").map((one) => one.body), kiosk.code]).toEqual([[{ code: "SALE" }], ""]);
    show({ state: "checking" });
    for (const letter of "MORE") kiosk.typeLetter(letter);
    await kiosk.submitCoupon();
    expect(asked("/api/coupon").length).toBe(1);
    kiosk.wake("coupon");
    await kiosk.submitCoupon();
    show({ state: "refused", reason: "no" });
    expect([kiosk.view, kiosk.message]).toEqual(["coupon", undefined]);
  });

  it("stays refused on the page until the next letter", async () => {
    show();
    kiosk.wake("coupon");
    for (const letter of "SALE") kiosk.typeLetter(letter);
    await kiosk.submitCoupon();
    show({ state: "refused", reason: "no" });
    expect(kiosk.couponState).toBe("refused");
    kiosk.typeLetter("S");
    expect(kiosk.couponState).toBe("idle");
  });
});

describe("a coupon with the cart", () => {
  it("leads back to the cart and asks for its price anew", async () => {
    show();
    kiosk.wake("shop");
    kiosk.add(kiosk.products[0]!);
    kiosk.wake("coupon");
    show(accepted, { is_promoted: true });
    await Promise.resolve();
    expect([kiosk.view, kiosk.couponId, kiosk.message?.key]).toEqual(["shop", ID, "coupon.accepted"]);
    expect(asked("/api/price").length).toBe(1);
  });

  it("of the scanner wakes the screen, and a wrong one is said", () => {
    show();
    show(accepted);
    expect(kiosk.view).toBe("shop");
    show();
    show({ state: "refused", reason: "no" });
    expect(kiosk.message?.key).toBe("coupon.refused");
    show({ state: "refused", reason: "unanswered" });
    expect(kiosk.message?.key).toBe("coupon.unanswered");
  });

  it("is not left for the next buyer", () => {
    show();
    show(accepted);
    kiosk.leave();
    expect(asked("/api/coupon/out").length).toBe(1);
  });

  it("is nobody's when the page comes up", () => {
    show(accepted);
    expect([asked("/api/coupon/out").length, kiosk.view]).toEqual([1, "attract"]);
  });

  it("is not taken out where there is none", () => {
    show();
    kiosk.leave();
    expect(sent).toEqual([]);
  });
});
