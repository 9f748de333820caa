import { expect, it } from "vitest";
import { PressGuard } from "./pressGuard";

it("ignores a second press within 350 ms and takes the next one", () => {
  let now = 1000;
  const guard = new PressGuard(() => now);
  expect(guard.accepts()).toBe(true);
  now = 1349;
  expect(guard.accepts()).toBe(false);
  now = 1350;
  expect(guard.accepts()).toBe(true);
});
