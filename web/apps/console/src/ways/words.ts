/** A way to pay in words and tones. */
import type { Tone } from "@vendomat/ui";
import type { PaymentAccount, Setting, SettingField, WayToPay } from "../api/views";
import { i18n, t } from "../i18n";

export type WayState = "none" | "off" | "away" | "on";

/** One that is switched on and whose platform does not answer is offered nowhere. */
export function wayState(way: WayToPay): WayState {
  if (way.account === null) return "none";
  if (!way.account.is_active) return "off";
  return way.account.away_since === null ? "on" : "away";
}

export function wayTone(way: WayToPay): Tone {
  const tones: Record<WayState, Tone> = { none: "off", off: "off", away: "crit", on: "ok" };
  return tones[wayState(way)];
}

/** A setting by its name in the reader's language, else as the platform calls it. */
export function settingWord(name: string): string {
  const key = `setting.${name}`;
  return i18n.has(key) ? t(key) : name;
}

export function isSet(account: PaymentAccount | null, field: SettingField): boolean {
  if (account === null) return false;
  return field.is_shown ? account.settings[field.name] !== undefined : account.marks[field.name] !== undefined;
}

/** What stands in the form at first: what may be shown, and nothing of what may not. */
export function draftOf(way: WayToPay): Record<string, string | boolean> {
  return Object.fromEntries(
    way.fields.map((field) => {
      const kept = way.account?.settings[field.name];
      if (field.form === "flag") return [field.name, kept === true];
      if (Array.isArray(kept)) return [field.name, kept.join("\n")];
      if (typeof kept === "string") return [field.name, kept];
      return [field.name, field.form === "choice" ? (field.choices[0] ?? "") : ""];
    }),
  );
}

/**
 * What is to be sent: only what differs. A hidden setting that was left empty stays as it is; `taken` names those that
 * are to be taken away.
 */
export function changesOf(way: WayToPay, draft: Readonly<Record<string, string | boolean>>, taken: readonly string[]): Record<string, Setting> {
  const before = draftOf(way);
  const changes: Record<string, Setting> = {};
  for (const field of way.fields) {
    const value = draft[field.name] ?? "";
    if (taken.includes(field.name)) changes[field.name] = null;
    else if (value !== before[field.name]) changes[field.name] = typeof value === "string" ? sent(field, value) : value;
  }
  return changes;
}

function sent(field: SettingField, text: string): Setting {
  if (field.form === "list") return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return field.form === "texts" ? [text] : text;
}
