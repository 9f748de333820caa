import { describe, expect, it } from "vitest";
import { billOf } from "./bill";

describe("a bill as it is typed", () => {
  it("is read as people write it", () => {
    const at = new Date("2026-06-01T08:00").toISOString();
    for (const amount of ["5.50", "¥5.50", "5,50", "-5.50", " 5.50 元"]) {
      expect(billOf(" 8F2K-7QXM ", amount, "2026-06-01T08:00")).toEqual({ number: "8F2K-7QXM", amount: "5.50", paid_at: at });
    }
    expect(billOf("4200 0020 2606", "12", "2026-06-01T08:00")?.number).toBe("420000202606");
  });

  it("waits until every field can be read", () => {
    expect(billOf("8F2K", "5.50", "2026-06-01T08:00")).toBeUndefined();
    expect(billOf("8F2K-7QXM", "five", "2026-06-01T08:00")).toBeUndefined();
    expect(billOf("8F2K-7QXM", "1,234.50", "2026-06-01T08:00")).toBeUndefined();
    expect(billOf("8F2K-7QXM", "5.50", "")).toBeUndefined();
  });
});
