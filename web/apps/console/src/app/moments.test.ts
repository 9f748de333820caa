import { describe, expect, it } from "vitest";
import { ago, dayOf, exactTime, gap, temperature } from "./moments";

const MOMENT = "2026-03-01T16:30:05.042Z";

describe("moments", () => {
  it("are exact to the millisecond in the machine's time zone", () => {
    expect(exactTime(MOMENT, "en", "Asia/Shanghai")).toBe("00:30:05.042");
  });

  it("belong to the machine's day", () => {
    expect([dayOf(MOMENT, "Asia/Shanghai"), dayOf(MOMENT, "UTC")]).toEqual(["2026-03-02", "2026-03-01"]);
  });

  it.each([
    [-3, "now"],
    [4, "now"],
    [42, "42 sec. ago"],
    [130, "2 min. ago"],
    [7200, "2 hr. ago"],
    [200_000, "2 days ago"],
  ])("%i s before now read as %s", (seconds, words) => {
    expect(ago(MOMENT, Date.parse(MOMENT) + seconds * 1000, "en")).toBe(words);
  });

  it.each([
    [380, "+380 ms"],
    [2310, "+2.31 sec"],
    [90_000, "+1 min 30 sec"],
    [10_640_000, "+2 hr 57 min"],
  ])("are %i ms apart as %s", (ms, words) => {
    expect(gap(MOMENT, new Date(Date.parse(MOMENT) + ms).toISOString(), "en")).toBe(words);
  });

  it("stand beside temperatures of one decimal", () => {
    expect(temperature(4, "en")).toBe("4.0°C");
  });
});
