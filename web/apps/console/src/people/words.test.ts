import { describe, expect, it } from "vitest";
import en from "../messages/en.json";
import { GROUPS, groupOf, permissionKey, ROLES } from "./words";

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

  it("puts each right into one group", () => {
    expect(groupOf("site.read")).toBe("look");
    expect(groupOf("site.pay")).toBe("money");
    expect(groupOf("site.change")).toBe("goods");
    expect(groupOf("people.change")).toBe("house");
    expect(new Set(PERMISSIONS.map(groupOf))).toEqual(new Set(GROUPS.map((group) => group.key)));
  });
});
