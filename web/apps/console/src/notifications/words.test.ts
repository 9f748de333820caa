import { expect, it } from "vitest";
import { clockOf, isOwn, minuteOf, ruleOf } from "./words";

it.each([[0, "00:00"], [435, "07:15"], [1439, "23:59"]])("minute %i of the day is %s and back", (minute, clock) => {
  expect(clockOf(minute)).toBe(clock);
  expect(minuteOf(clock)).toBe(minute);
});

it("takes the rule of a kind, or one that changes nothing", () => {
  const rule = { kind: "vend_failed", severity: "critical" as const, delay_s: 5, is_silent: false, is_auto_cleared: true, escalate_after_min: 0, escalate_to: "" };
  expect(ruleOf([rule], "vend_failed")).toBe(rule);
  expect([isOwn(rule), isOwn(ruleOf([rule], "slot_locked"))]).toEqual([true, false]);
  expect(ruleOf([rule], "slot_locked")).toEqual({ ...rule, kind: "slot_locked", severity: "", delay_s: 0, is_auto_cleared: false });
});
