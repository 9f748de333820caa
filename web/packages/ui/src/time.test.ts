import { describe, expect, it } from "vitest";
import { clockText, formatTime, secondsLeft } from "./time";

describe("countdowns", () => {
  it("show zero only when nothing is left", () => {
    expect(secondsLeft(1)).toBe(1);
    expect(secondsLeft(0)).toBe(0);
    expect(secondsLeft(-5000)).toBe(0);
  });

  it("read as minutes and seconds", () => {
    expect(clockText(120_000)).toBe("2:00");
    expect(clockText(64_100)).toBe("1:05");
  });
});

describe("formatTime", () => {
  it("uses the machine's time zone, not the viewer's", () => {
    expect(formatTime("2026-03-01T23:30:00Z", "time", "en", "Asia/Shanghai")).toBe("07:30");
  });

  it("says the year of what was in another one, by the machine's calendar", () => {
    const now = Date.parse("2026-06-01T00:00:00Z");
    const said = (moment: string) => formatTime(moment, "both", "en", "Asia/Shanghai", now);
    expect(said("2026-01-01T00:30:00Z")).toBe("Jan 1, 08:30");
    expect(said("2025-12-31T16:30:00Z")).toBe("Jan 1, 00:30");
    expect(said("2025-12-31T15:30:00Z")).toBe("Dec 31, 2025, 23:30");
    expect(formatTime("2025-11-23T13:25:00Z", "both", "zh-CN", "Asia/Shanghai", now)).toBe("2025年11月23日 21:25");
  });

  it("starts the day at 00, not at 24", () => {
    expect(formatTime("2026-03-01T16:05:00Z", "time", "en", "Asia/Shanghai")).toBe("00:05");
  });
});
