import { describe, expect, it } from "vitest";
import { accountClass, balancesOf, transactionsOf } from "./books";

function line(transaction: string, account: string, amount_minor: number) {
  return { transaction, kind: "k", line: 1, account, amount_minor, currency: "CNY", posted_at: "2026-01-01T00:00:00Z" };
}

const LINES = [
  line("paid:1", "asset:clearing:wechat:acc", 700),
  line("paid:1", "liab:undelivered", -700),
  line("unit:1:1", "liab:undelivered", 350),
  line("unit:1:1", "income:sales:mer", -350),
  line("unit:1:2", "liab:undelivered", 350),
  line("unit:1:2", "liab:refund_payable", -350),
];

describe("the books of an order", () => {
  it("stand in transactions whose two sides are summed", () => {
    expect(transactionsOf(LINES).map((t) => [t.key, t.lines.length, t.debitMinor, t.creditMinor])).toEqual([
      ["paid:1", 2, 700, 700],
      ["unit:1:1", 2, 350, 350],
      ["unit:1:2", 2, 350, 350],
    ]);
  });

  it("show a side that does not balance as it is", () => {
    const [broken] = transactionsOf([line("x", "a:b", 5), line("x", "c:d", -4)]);
    expect([broken?.debitMinor, broken?.creditMinor]).toEqual([5, 4]);
  });

  it("keep only accounts with something left", () => {
    expect(balancesOf(LINES)).toEqual([
      { account: "asset:clearing:wechat:acc", currency: "CNY", balanceMinor: 700 },
      { account: "income:sales:mer", currency: "CNY", balanceMinor: -350 },
      { account: "liab:refund_payable", currency: "CNY", balanceMinor: -350 },
    ]);
  });

  it("never add one currency to another", () => {
    const dollars = { ...line("paid:2", "liab:undelivered", 700), currency: "USD" };
    expect(balancesOf([...LINES, dollars]).filter((one) => one.account === "liab:undelivered")).toEqual([
      { account: "liab:undelivered", currency: "USD", balanceMinor: 700 },
    ]);
  });

  it("are named by class", () => {
    expect(accountClass("asset:clearing:wechat:acc")).toBe("asset_clearing");
  });
});
