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

export type Strength = "short" | "weak" | "fair" | "strong";

/** How hard a password is to guess, by length and by how many kinds of characters it has: a hint, not a rule. */
export function strengthOf(password: string, min: number): Strength {
  if (password.length < min) return "short";
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^\p{L}\d]/u, /\p{Lo}/u].filter((kind) => kind.test(password)).length;
  const different = new Set(password.toLowerCase()).size;
  const score = Math.min(password.length, different * 2) + 2 * kinds;
  if (score < 14) return "weak";
  return score < 20 ? "fair" : "strong";
}
