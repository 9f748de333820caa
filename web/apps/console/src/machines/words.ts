/** A machine in words. */
import type { Machine } from "../api/views";
import { i18n, t } from "../i18n";

export function machineName(machine: Pick<Machine, "name_zh" | "name_en">): string {
  return i18n.pick({ zh: machine.name_zh, en: machine.name_en });
}

/** Why it does not sell everything now, each reason as words; a reason without words keeps its own name. */
export function reasonWords(machine: Machine): string[] {
  const words = machine.reasons.map((reason) => {
    const key = `reason.${reason}`;
    return i18n.has(key) ? t(key) : reason;
  });
  if (machine.lifecycle === "quarantined" || machine.lifecycle === "retired") words.unshift(t(`lifecycle.${machine.lifecycle}`));
  if (machine.facts_waiting > 0) words.push(t("machine.facts_waiting", { count: machine.facts_waiting }));
  return words;
}

export function closedWord(reason: string): string {
  const key = `cause.${reason}`;
  return i18n.has(key) ? t(key) : reason;
}
