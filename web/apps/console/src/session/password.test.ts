import { describe, expect, it } from "vitest";
import { strengthOf } from "./password";

describe("a password's strength", () => {
  it.each([
    ["abc", "short"],
    ["aaaaaaaaaaaaaaaa", "weak"],
    ["password", "weak"],
    ["passw0rd", "weak"],
    ["Passw0rd!x", "fair"],
    ["correct horse battery", "strong"],
    ["kV7#mQ2!xZ9p", "strong"],
  ])("%s is %s", (password, strength) => expect(strengthOf(password)).toBe(strength));
});
