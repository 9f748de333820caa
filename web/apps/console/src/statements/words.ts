/** Accounts and bookings in words. */
import { i18n, t } from "../i18n";
import { accountClass } from "../orders/books";
import { channelWord } from "../orders/words";

/** "Platform clearing · WeChat Pay 1900000001"; an account without a word stands for itself. */
export function accountWord(account: string): string {
  const key = `account.${accountClass(account)}`;
  if (!i18n.has(key)) return account;
  const [channel = "", ...more] = account.split(":").slice(2);
  return channel === "" ? t(key) : `${t(key)} · ${[channelWord(channel), ...more].join(" ")}`;
}

export function postingWord(kind: string): string {
  const key = `posting.${kind}`;
  return i18n.has(key) ? t(key) : kind;
}
