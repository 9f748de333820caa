import { describe, expect, it } from "vitest";
import type { AccountLine, Statement } from "../api/statementViews";
import { addsUp, formOf, inForm, openDays, shifted, standingTone } from "./periods";

describe("a period", () => {
  it("is a day or a month by its length", () => {
    expect([formOf("2026-06"), formOf("2026-06-01")]).toEqual(["month", "day"]);
  });

  it("moves over the ends of months and years", () => {
    expect([shifted("2026-12", 1), shifted("2026-01", -1)]).toEqual(["2027-01", "2025-12"]);
    expect([shifted("2028-02-28", 1), shifted("2026-03-01", -1)]).toEqual(["2028-02-29", "2026-02-28"]);
  });

  it("changes its form without leaving its place or entering the future", () => {
    expect(inForm("2026-06-15", "month", "2026-06-20")).toBe("2026-06");
    expect(inForm("2026-06", "day", "2026-06-20")).toBe("2026-06-20");
    expect(inForm("2026-05", "day", "2026-06-20")).toBe("2026-05-31");
    expect(inForm("2026-05", "month", "2026-06-20")).toBe("2026-05");
  });
});

describe("a statement", () => {
  it("asks for a look only where reconciliation is missing", () => {
    expect([standingTone("closed"), standingTone("running"), standingTone("provisional")]).toEqual(["ok", "off", "warn"]);
    const days = ["closed", "provisional", "running"].map((standing) => ({ day: "2026-06-01", standing, open_accounts: [] }));
    expect(openDays({ days } as unknown as Statement)).toBe(1);
  });

  it("adds up, and says when it does not", () => {
    const line = { opening_minor: 5, payments_minor: 9, refunds_minor: -2, fees_minor: -1, payouts_minor: 0, other_minor: 0 };
    expect(addsUp({ ...line, closing_minor: 11 } as AccountLine)).toBe(true);
    expect(addsUp({ ...line, closing_minor: 12 } as AccountLine)).toBe(false);
  });
});
