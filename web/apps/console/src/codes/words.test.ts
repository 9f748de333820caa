import { describe, expect, it } from "vitest";
import { codeStatus, grouped } from "./words";

describe("codeStatus", () => {
  const expires_at = "2026-03-01T00:00:00Z";
  const before = Date.parse(expires_at) - 1;

  it.each([
    ["issued", before, "code.issued"],
    ["issued", before + 1, "code.expired"],
    ["redeemed", before + 1, "code.redeemed"],
    ["withdrawn", before, "code.withdrawn"],
  ] as const)("%s at %i is %s", (state, now, word) => {
    expect(codeStatus({ state, expires_at }, now).word).toBe(word);
  });
});

it("groups digits by four", () => {
  expect(grouped("01234567")).toBe("0123 4567");
});
