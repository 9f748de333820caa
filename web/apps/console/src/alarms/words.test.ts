import { expect, it } from "vitest";
import { i18n } from "../i18n";
import { ALARM_KINDS, alarmCause, alarmTitle } from "./words";

it("says the last word of a detail, or all of it, in words where there are some", () => {
  i18n.locale = "en";
  expect(alarmCause({ detail: "order 1 unit 1: jam" })).toBe(alarmCause({ detail: "jam" }));
  expect(alarmCause({ detail: "the motor stalled" })).toBe("the motor stalled");
  expect(alarmCause({ detail: "2 claims wait for longer than a day" })).toBe("2 claims");
  expect(alarmCause({ detail: "alipay, wechat" })).toBe("Alipay · WeChat Pay");
  expect(alarmCause({ detail: "120 machines are not heard of" })).toBe("120 machines");
  expect(alarmCause({ detail: "not heard of since 2020-03-01 09:30:00 UTC" })).toMatch(/^silent since .*2020/);
  expect(alarmCause({ detail: "bad signature: 3 refused, nothing was done" })).toBe("3 refused; nothing was done");
  expect(alarmCause({ detail: "fact 1/7: counted 12.34 CNY, expected 12.50 CNY" })).toBe("¥12.34 counted, ¥12.50 expected");
  expect(alarmCause({ detail: "" })).toBe("");
});

it.each(ALARM_KINDS)("has a title for %s in both languages", (kind) => {
  for (const locale of ["en", "zh-CN"] as const) {
    i18n.locale = locale;
    expect(alarmTitle({ kind })).not.toBe(kind);
  }
});
