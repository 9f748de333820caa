/** What a password has to be, and how hard one is to guess. */
export const PASSWORD_MIN = 8;

export type Strength = "short" | "weak" | "fair" | "strong";

/** How hard a password is to guess, by length and by how many kinds of characters it has: a hint, not a rule. */
export function strengthOf(password: string): Strength {
  if (password.length < PASSWORD_MIN) return "short";
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^\p{L}\d]/u, /\p{Lo}/u].filter((kind) => kind.test(password)).length;
  const different = new Set(password.toLowerCase()).size;
  const score = Math.min(password.length, different * 2) + 2 * kinds;
  if (score < 14) return "weak";
  return score < 20 ? "fair" : "strong";
}
