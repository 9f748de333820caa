import { describe, expect, it } from "vitest";
import { percent, timeTaken } from "./words";

describe("the time that something took", () => {
  it.each([
    [4.23, "4.2 sec"],
    [119, "119 sec"],
    [120, "2 min"],
    [7200, "2 hr"],
  ])("%d is %s", (seconds, word) => expect(timeTaken(seconds, "en")).toBe(word));

  it("is said in Chinese, too", () => expect(timeTaken(150, "zh-CN")).toBe("2.5分钟"));
});

describe("a share", () => {
  it.each([
    [0.29, "29%"],
    [0.9871, "98.7%"],
    [0.9998, "99.9%"],
    [1, "100%"],
    [-0.0321, "-3.3%"],
  ])("%d is %s: no fault is rounded away", (share, word) => expect(percent(share, "en")).toBe(word));

  it("of nothing is not known", () => expect(percent(null, "en")).toBeUndefined());
});
