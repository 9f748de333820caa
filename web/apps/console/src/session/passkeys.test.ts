import { describe, expect, it } from "vitest";
import { placeOfPasskeys } from "./passkeys";

describe("the place of passkeys", () => {
  it.each([
    ["http://127.0.0.1:8080/console/account?a=1", "http://localhost:8080/console/account?a=1"],
    ["http://[::1]:8080/console/", "http://localhost:8080/console/"],
    ["http://localhost:8080/console/", undefined],
    ["https://vending.example/console/", undefined],
    ["https://127.example/console/", undefined],
  ])("of %s is %s", (here, there) => {
    expect(placeOfPasskeys(new URL(here))).toBe(there);
  });
});
