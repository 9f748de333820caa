/** How people and their rights are said. */
import type { Tone } from "@vendomat/ui";
import type { Person, RoleFile, RoleName, Roles } from "../api/peopleViews";
import type { Permission, Session } from "../api/views";
import { i18n, t } from "../i18n";

export const ROLES: readonly RoleName[] = ["owner", "manager", "finance", "technician", "restocker", "read_only", "site_owner"];

/** What a role is called: a ready one in the reader's language, a custom one as the merchant does. */
export function roleWord(role: string, name: string): string {
  const key = `role.${role}`;
  return name || (i18n.has(key) ? t(key) : role);
}

/** `refund.ask` in words; a right that has none yet is shown as it is. */
export function permissionWord(permission: string): string {
  const key = permissionKey(permission);
  return i18n.has(key) ? t(key) : permission;
}

/** Whether somebody may give this role, take it away, or change who has it: none that may do more than they. */
export function mayHandle(own: Session["operator"] | undefined, role: Pick<RoleFile, "role" | "permissions">): boolean {
  if (own === undefined || own.role === "owner") return own !== undefined;
  const has = new Set<Permission>([...own.permissions, ...(own.permissions.includes("site.read") ? (["own_sites.read"] as const) : [])]);
  return role.role !== "owner" && role.permissions.every((one) => has.has(one));
}

/** These rights, what everybody has, and what they need. */
export function completed(chosen: readonly Permission[], { base, needs }: Pick<Roles, "base" | "needs">): Set<Permission> {
  return new Set([...base, ...chosen, ...chosen.map((one) => needs[one]).filter((one) => one !== undefined)]);
}

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
