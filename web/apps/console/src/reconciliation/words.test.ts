import { describe, expect, it } from "vitest";
import type { Bill, BillRequest, ReconDay, ReconItem } from "../api/views";
import { i18n } from "../i18n";
import { billTone, dayState, dayTone, isUnderWay, itemTitle, itemTone, placeOf, requestWords } from "./words";

const DAY = { channel: "wechat", account: "1900000001", day: "2026-06-01", state: "open", runs: 1, unexplained: 2 } as ReconDay;
const ITEM = { state: "open", fix: "review" } as ReconItem;

it("says of a payment in both books that the bill has it once more", () => {
  i18n.locale = "en";
  const titles = [null, 350].map((our_minor) => itemTitle({ ...ITEM, cls: "long", our_minor }));
  expect(titles).toEqual(["In the bill, not in your books", "Once more in the bill than in your books"]);
});

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

describe("a request for a bill", () => {
  const REQUEST = { state: "reading", kind: "trade", rows_read: 1200, rows_matched: 0, asked_by_name: "Li", ended_at: null } as BillRequest;

  it("is under way until it ended", () => {
    expect([isUnderWay(null), isUnderWay(REQUEST), isUnderWay({ ...REQUEST, ended_at: "2026-06-02T03:00:00Z" })]).toEqual([false, true, false]);
  });

  it("says how many rows of how many, once they are known", () => {
    i18n.locale = "en";
    const matching = { ...REQUEST, state: "matching", rows_matched: 300 } as BillRequest;
    const said = [REQUEST, matching, { ...matching, kind: "" }, { ...REQUEST, kind: "" }, { ...matching, state: "done" } as BillRequest];
    expect(said.map((one) => requestWords(one as BillRequest))).toEqual([
      "Reading the file: 1,200 rows",
      "Comparing: 300 of 1,200 rows",
      "Comparing: 300 rows",
      "Waiting for a worker or the platform …",
      "Compared for Li: 300 rows",
    ]);
  });
});

describe("a bill", () => {
  it("is in order when it was taken, and nobody's fault while it is not there", () => {
    const states = (["kept", "empty", "refused", "unusable"] as const).map((state) => billTone({ state } as Bill));
    expect([billTone(undefined), ...states]).toEqual(["off", "ok", "ok", "crit", "crit"]);
  });
});
