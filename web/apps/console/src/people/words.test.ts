import { describe, expect, it } from "vitest";
import en from "../messages/en.json";
import { completed, GROUPS, groupOf, mayHandle, permissionKey, ROLES } from "./words";

/** As the cloud names them; its own test and this one meet in the browser journeys. */
const PERMISSIONS = [
  "fleet.read", "catalog.read", "order.read", "code.read", "member.read", "statement.read", "site.read", "keys.read", "people.read", "audit.read",
  "alarm.handle", "slot.unlock", "unit.resolve", "restock", "machine.change", "catalog.change", "price.change", "code.issue", "member.change",
  "claim.decide", "refund.ask", "refund.release", "payment.judge", "debt.write_off", "wallet.change", "site.change", "site.pay", "reconcile", "month.close",
  "settings.change", "keys.try", "keys.change", "limit.change", "people.change",
];

describe("rights in words", () => {
  it("has a word for every right and role", () => {
    const missing = [...PERMISSIONS.map(permissionKey), ...ROLES.map((role) => `role.${role}`)].filter((key) => !(key in en));
    expect(missing).toEqual([]);
  });

  it("ticks with a right what it needs and what everybody has", () => {
    const table = { base: ["fleet.read"], needs: { "refund.ask": "order.read" } } as const;
    expect([...completed(["refund.ask"], table as never)].sort()).toEqual(["fleet.read", "order.read", "refund.ask"]);
    expect([...completed([], table as never)]).toEqual(["fleet.read"]);
  });

  it("offers nobody a role that may do more than they, or an owner's", () => {
    const one = (role: string, ...permissions: string[]) => ({ role, permissions }) as never;
    const clerk = one("rol_1", "people.change", "order.read", "site.read");
    expect(mayHandle(clerk, one("rol_2", "order.read"))).toBe(true);
    expect(mayHandle(clerk, one("finance", "order.read", "refund.ask"))).toBe(false);
    expect(mayHandle(clerk, one("site_owner", "own_sites.read"))).toBe(true);
    expect(mayHandle(clerk, one("owner"))).toBe(false);
    expect(mayHandle(one("owner"), one("manager", "refund.ask"))).toBe(true);
    expect(mayHandle(undefined, one("rol_2"))).toBe(false);
  });

  it("puts each right into one group", () => {
    expect(groupOf("site.read")).toBe("look");
    expect(groupOf("site.pay")).toBe("money");
    expect(groupOf("site.change")).toBe("goods");
    expect(groupOf("people.change")).toBe("house");
    expect(new Set(PERMISSIONS.map(groupOf))).toEqual(new Set(GROUPS.map((group) => group.key)));
  });
});
