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

  it("starts the day at 00, not at 24", () => {
    expect(formatTime("2026-03-01T16:05:00Z", "time", "en", "Asia/Shanghai")).toBe("00:05");
  });
});
