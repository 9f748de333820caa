import { describe, expect, it } from "vitest";
import { faultRate, share } from "./share";

describe("shares", () => {
  it("never round a fault away", () => {
    expect(share(99_999, 100_000, "en")).toBe("99.99%");
    expect(share(3, 3, "en")).toBe("100%");
    expect(faultRate(1, 1_000_000, "en")).toBe("0.01%");
    expect(faultRate(0, 10, "en")).toBe("0%");
  });

  it("are not known of nothing", () => {
    expect(share(0, 0, "en")).toBeUndefined();
    expect(faultRate(0, 0, "zh-CN")).toBeUndefined();
  });
});
