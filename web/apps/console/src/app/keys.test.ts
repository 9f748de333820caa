import { beforeEach, describe, expect, it } from "vitest";
import { Keys } from "./keys";

let now = 0;
let keys: Keys;
const press = (key: string, more: object = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, isTyping: false, ...more });
const wish = (key: string, more: object = {}, hasSingleKeys = true) => keys.wish(press(key, more), hasSingleKeys);

beforeEach(() => {
  now = 0;
  keys = new Keys(() => now);
});

describe("Keys", () => {
  it("go somewhere by two keys in a row", () => {
    expect(wish("g")).toBeUndefined();
    expect(wish("m")).toEqual({ kind: "go", path: "machines" });
    expect(wish("m")).toBeUndefined();
  });

  it("forget the first key after a while, and when another comes between", () => {
    wish("g");
    now = 2000;
    expect(wish("o")).toBeUndefined();
    wish("g");
    wish("x");
    expect(wish("o")).toBeUndefined();
  });

  it("mean nothing while somebody types or has turned them off, but Ctrl-K always does", () => {
    expect(wish("/", { isTyping: true })).toBeUndefined();
    expect(wish("?", {}, false)).toBeUndefined();
    expect(wish("k", { ctrlKey: true, isTyping: true }, false)).toEqual({ kind: "palette" });
    expect(wish("j", { altKey: true })).toBeUndefined();
  });

  it("walk over rows", () => {
    expect(wish("j")).toEqual({ kind: "row", step: 1 });
    expect(wish("k")).toEqual({ kind: "row", step: -1 });
  });
});
