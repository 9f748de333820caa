import { describe, expect, it } from "vitest";
import { timeTaken } from "./words";

describe("the time that something took", () => {
  it.each([
    [4.23, "4.2 sec"],
    [119, "119 sec"],
    [120, "2 min"],
    [7200, "2 hr"],
  ])("%d is %s", (seconds, word) => expect(timeTaken(seconds, "en")).toBe(word));

  it("is said in Chinese, too", () => expect(timeTaken(150, "zh-CN")).toBe("2.5分钟"));
});
