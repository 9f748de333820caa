import { describe, expect, it } from "vitest";
import type { ReconDay, ReconItem } from "../api/views";
import { dayState, dayTone, itemTone, placeOf } from "./words";

const DAY = { channel: "wechat", account: "1900000001", day: "2026-06-01", state: "open", runs: 1, unexplained: 2 } as ReconDay;
const ITEM = { state: "open", fix: "review" } as ReconItem;

describe("a day of a reconciliation", () => {
  it("waits until its bill was read once", () => {
    expect([dayState({ ...DAY, runs: 0 }), dayState(DAY), dayState({ ...DAY, state: "closed" })]).toEqual(["waiting", "open", "closed"]);
  });

  it("asks for a look only while something is unexplained", () => {
    expect([dayTone(DAY), dayTone({ ...DAY, unexplained: 0 }), dayTone({ ...DAY, state: "closed" })]).toEqual(["warn", "off", "ok"]);
  });

  it("is named by channel, account and date", () => {
    expect(placeOf(DAY)).toBe("wechat/1900000001/2026-06-01");
  });
});

describe("an item", () => {
  it("asks for a person only when nothing else can decide it", () => {
    const tones = (["review", "suspense", "wait", "look_up_payment", "look_up_refund"] as const).map((fix) => itemTone({ ...ITEM, fix }));
    expect(tones).toEqual(["warn", "warn", "off", "off", "off"]);
    expect(itemTone({ ...ITEM, state: "explained" })).toBe("ok");
  });
});
