/** The ledger lines of one order, in transactions with their sums. Pure. A debit is positive, a credit negative. */
import type { LedgerLine } from "../api/views";

export type Transaction = {
  key: string;
  kind: string;
  currency: string;
  postedAt: string;
  lines: readonly LedgerLine[];
  debitMinor: number;
  creditMinor: number;
};

export type Balance = { account: string; currency: string; balanceMinor: number };

export function transactionsOf(lines: readonly LedgerLine[]): Transaction[] {
  const groups = new Map<string, LedgerLine[]>();
  for (const line of lines) groups.set(line.transaction, [...(groups.get(line.transaction) ?? []), line]);
  return [...groups].map(([key, own]) => ({
    key,
    kind: own[0]?.kind ?? "",
    currency: own[0]?.currency ?? "",
    postedAt: own[0]?.posted_at ?? "",
    lines: own,
    debitMinor: sum(own.filter((line) => line.amount_minor > 0)),
    creditMinor: -sum(own.filter((line) => line.amount_minor < 0)),
  }));
}

/** What is left on each account of this order, per currency; accounts that came out even are left away. */
export function balancesOf(lines: readonly LedgerLine[]): Balance[] {
  const balances = new Map<string, Balance>();
  for (const { account, currency, amount_minor } of lines) {
    const key = `${account} ${currency}`;
    balances.set(key, { account, currency, balanceMinor: (balances.get(key)?.balanceMinor ?? 0) + amount_minor });
  }
  return [...balances.values()].filter((one) => one.balanceMinor !== 0);
}

/** `asset:clearing:wechat:acc` → `asset:clearing`: the part of an account's name that has a word. */
export function accountClass(account: string): string {
  return account.split(":").slice(0, 2).join("_");
}

function sum(lines: readonly LedgerLine[]): number {
  return lines.reduce((total, line) => total + line.amount_minor, 0);
}
