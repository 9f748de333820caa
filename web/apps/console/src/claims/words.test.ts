import { describe, expect, it } from "vitest";
import type { Claim } from "../api/claimViews";
import { i18n } from "../i18n";
import { claimTone, isOld, recordsLine } from "./words";

const SINCE = "2026-06-01T00:00:00Z";
const DAY_MS = 24 * 3600 * 1000;
const now = Date.parse(SINCE);

describe("a claim in words", () => {
  it("is urgent once it has waited for longer than a day, and only while it waits", () => {
    expect(isOld({ since: SINCE }, now + DAY_MS)).toBe(false);
    expect(claimTone({ state: "opened", since: SINCE }, now + DAY_MS)).toBe("warn");
    expect(claimTone({ state: "reopened", since: SINCE }, now + DAY_MS + 1)).toBe("crit");
    expect(claimTone({ state: "declined", since: SINCE }, now + 9 * DAY_MS)).toBe("off");
  });

  it("says what the records say, and what goes back", () => {
    i18n.locale = "en";
    const claim = { records: "partly", units: 3, units_delivered: 2, returned_minor: 0, returning_minor: 350, currency: "CNY" } as Claim;
    expect(recordsLine(claim)).toBe(`2 of 3 came out · ${i18n.money(350, "CNY")} is going back`);
    expect(recordsLine({ ...claim, records: "came_out", returning_minor: 0 })).toBe("The machine saw everything drop");
  });
});
