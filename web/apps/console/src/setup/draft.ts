/** What was typed into the first run so far, kept by this tab until the cloud has it: everything but the password. */
const KEY = "vendomat.setup";

export type Draft = { token: string; name: string; phone: string; currency: string; timeZone: string; ownerName: string; email: string };

type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const CURRENCY_OF_ZONE: Readonly<Record<string, string>> = {
  "Asia/Shanghai": "CNY", "Asia/Urumqi": "CNY", "Asia/Hong_Kong": "HKD", "Asia/Singapore": "SGD", "Asia/Tokyo": "JPY",
  "Asia/Seoul": "KRW", "Asia/Kuwait": "KWD", "Europe/London": "GBP",
};

/** A guess to begin with: the zone's own currency, where the cloud knows it. */
export function currencyFor(timeZone: string, known: readonly string[]): string {
  const guess = CURRENCY_OF_ZONE[timeZone] ?? (timeZone.startsWith("Europe/") ? "EUR" : "USD");
  return known.includes(guess) ? guess : (known[0] ?? "");
}

export function newDraft(timeZone: string, known: readonly string[]): Draft {
  return { token: "", name: "", phone: "", currency: currencyFor(timeZone, known), timeZone, ownerName: "", email: "" };
}

/** The draft of before, where this tab has one; a broken one is forgotten. */
export function draftFrom(shelf: Shelf, fresh: Draft): Draft {
  try {
    const kept = JSON.parse(shelf.getItem(KEY) ?? "{}") as Record<string, unknown>;
    const known = Object.entries(kept).filter(([name, value]) => name in fresh && typeof value === "string");
    return { ...fresh, ...Object.fromEntries(known) };
  } catch {
    return fresh;
  }
}

export function keepDraft(shelf: Shelf, { token, name, phone, currency, timeZone, ownerName, email }: Draft): void {
  shelf.setItem(KEY, JSON.stringify({ token, name, phone, currency, timeZone, ownerName, email }));
}

export function forgetDraft(shelf: Shelf): void {
  shelf.removeItem(KEY);
}
