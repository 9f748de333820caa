/** How changes are said: the action in words, what differs, and where its subject is shown. */
import type { Change } from "../api/peopleViews";
import { i18n, t } from "../i18n";
import { referenceOf } from "../orders/words";
import { permissionWord, roleWord } from "../people/words";

/** The first words of actions, as one may ask for them. */
export const WHATS = ["person", "role", "password", "second_factor", "recovery_codes", "passkey", "identity", "identity_provider", "session", "refund", "payment", "claim", "vend", "visit", "wallet", "member", "slot", "stock", "machine", "machine_model", "product", "planogram", "price", "promotion", "coupon", "code", "site", "payment_account", "reconciliation", "fee_contract", "alarm", "notification"] as const;

type State = Readonly<Record<string, unknown>> | null;
export type Difference = { name: string; before: unknown; after: unknown; isSame: boolean };

/** `site.terms_agreed` → its words; an action that has none yet is shown as it is. */
export function wordOf(action: string): string {
  const key = `change.${action.replace(".", "_")}`;
  return i18n.has(key) ? t(key) : action;
}

/** Every field that is named before or after, what differs first. */
export function differences(before: State, after: State): Difference[] {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const rows = names.map((name) => {
    const [was, is] = [before?.[name], after?.[name]];
    return { name, before: was, after: is, isSame: JSON.stringify(was) === JSON.stringify(is) };
  });
  return [...rows.filter((row) => !row.isSame), ...rows.filter((row) => row.isSame)];
}

/** Values of a field as a reader can read them; nothing is a dash. */
export function shownValue(value: unknown, field = ""): string {
  if (value === undefined || value === null || value === "") return t("app.none");
  if (field === "role") return roleWord(String(value), "");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What of a set of rights the other side has not comes first: that was given, or taken. */
export function shownRights(rights: unknown, others: unknown): { word: string; isOther: boolean }[] | undefined {
  if (!Array.isArray(rights)) return undefined;
  const known: readonly unknown[] = Array.isArray(others) ? others : [];
  const rows = rights.map((one) => ({ word: permissionWord(String(one)), isOther: !known.includes(one) }));
  return [...rows.filter((row) => row.isOther), ...rows.filter((row) => !row.isOther)];
}

/** What a changed thing is called: as the change itself tells it, or as it is called now; an opaque number tells a reader nothing. */
export function subjectName(change: Pick<Change, "subject" | "subject_zh" | "subject_en" | "before" | "after">, machineNumber: (id: string) => string | undefined): string {
  const { subject } = change;
  if (subject.startsWith("ord_")) return referenceOf(subject);
  if (subject.startsWith("mch_")) return machineNumber(subject) ?? "";
  const told: State = { ...change.before, ...change.after };
  const name = [told["name"], i18n.pick({ zh: String(told["name_zh"] ?? ""), en: String(told["name_en"] ?? "") }), told["email"], i18n.pick({ zh: change.subject_zh, en: change.subject_en })].find((one) => typeof one === "string" && one !== "");
  if (typeof name === "string") return name;
  if (typeof told["machine_id"] === "string") return machineNumber(told["machine_id"]) ?? "";
  return /^[a-z]{3}_[0-9a-z]{26}$/.test(subject) ? "" : subject;
}

const PATHS: Readonly<Record<string, string>> = { ord: "orders", mch: "machines", mbr: "members", prd: "products" };

/** Where the thing is shown, when it has a page of its own. */
export function subjectPath(subject: string): string | undefined {
  const [prefix = "", rest] = subject.split("_");
  const area = PATHS[prefix];
  return area !== undefined && rest !== undefined ? `${area}/${subject}` : undefined;
}

/** The first moment of a day of the reader's calendar. */
export function dayStart(day: string): string | undefined {
  return day === "" ? undefined : new Date(`${day}T00:00:00`).toISOString();
}

/** The first moment after that day. */
export function dayEnd(day: string): string | undefined {
  if (day === "") return undefined;
  const next = new Date(`${day}T00:00:00`);
  next.setDate(next.getDate() + 1);
  return next.toISOString();
}
