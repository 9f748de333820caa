/** How people and their rights are said. */
import type { Tone } from "@vendomat/ui";
import type { Person, RoleName } from "../api/peopleViews";

export const ROLES: readonly RoleName[] = ["owner", "manager", "finance", "technician", "restocker", "read_only", "site_owner"];

export function toneOf(state: Person["state"]): Tone {
  return state === "active" ? "ok" : state === "invited" ? "accent" : "off";
}

/** Rights in groups, as a reader looks for them: what is seen, what is done at machines, with money, with the rest. */
export const GROUPS: readonly { key: "look" | "machines" | "money" | "goods" | "house"; starts: readonly string[] }[] = [
  { key: "look", starts: [] },
  { key: "machines", starts: ["alarm.", "slot.", "unit.", "restock", "machine."] },
  { key: "money", starts: ["claim.", "refund.", "payment.", "debt.", "wallet.", "site.pay", "reconcile", "month."] },
  { key: "goods", starts: ["catalog.", "price.", "code.", "member.", "site.change"] },
  { key: "house", starts: [] },
];

/** The group that a right is shown in: what is only read comes first, what fits nowhere else is of the house. */
export function groupOf(permission: string): (typeof GROUPS)[number]["key"] {
  if (permission.endsWith(".read")) return "look";
  const found = GROUPS.find((group) => group.starts.some((start) => permission.startsWith(start)));
  return found?.key ?? "house";
}

/** `refund.ask` → the word's key. */
export function permissionKey(permission: string): string {
  return `permission.${permission.replace(".", "_")}`;
}
