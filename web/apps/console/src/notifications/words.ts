/** Channels and rules in words and numbers. Pure. */
import type { AlarmRule } from "../api/attentionViews";
import { t } from "../i18n";

export const SCHEMES = ["mailtos", "mailto", "dingtalk", "wecombot", "feishu", "lark", "slack", "jsons", "json"] as const;
export type Scheme = (typeof SCHEMES)[number];

/** The form of an endpoint of each kind. */
export const EXAMPLES: Readonly<Record<Scheme, string>> = {
  mailtos: "mailtos://user:password@mail.example.com?from=cloud@example.com&to=duty@example.com",
  mailto: "mailto://mail.example.com:25?mode=insecure&from=cloud@example.com&to=duty@example.com",
  dingtalk: "dingtalk://secret@token/",
  wecombot: "wecombot://key",
  feishu: "feishu://token",
  lark: "lark://token",
  slack: "slack://tokenA/tokenB/tokenC/#channel",
  jsons: "jsons://example.com/alarms",
  json: "json://example.com/alarms",
};

/** Somebody who is to be told when nobody answers is told after so long, unless another time is set. */
export const ESCALATED_AFTER_MIN = 15;

export function schemeWord(scheme: string): string {
  const known = SCHEMES.find((one) => one === scheme);
  return known === undefined ? scheme : t(`notify.scheme_${known}`);
}

/** The rule of a kind; without one, alarms are told as they are raised. */
export function ruleOf(rules: readonly AlarmRule[], kind: string): AlarmRule {
  return rules.find((rule) => rule.kind === kind) ?? {
    kind, severity: "", delay_s: 0, is_silent: false, is_auto_cleared: false, escalate_after_min: 0, escalate_to: "",
  };
}

/** Whether a rule says anything else than: tell it as it is raised. */
export function isOwn(rule: AlarmRule): boolean {
  const plain = ruleOf([], rule.kind);
  return (Object.keys(plain) as (keyof AlarmRule)[]).some((name) => rule[name] !== plain[name]);
}

/** 1335 → "22:15". */
export function clockOf(minute: number): string {
  return `${String(Math.trunc(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

/** "22:15" → 1335. */
export function minuteOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(":").map(Number);
  return hours * 60 + minutes;
}
