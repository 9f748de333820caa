/** A pickup code as it is typed: eight digits in two groups of four. Pure. */

export const CODE_DIGITS = 8;

export function addDigit(code: string, digit: string): string {
  return code.length < CODE_DIGITS ? code + digit : code;
}

export function isComplete(code: string): boolean {
  return code.length === CODE_DIGITS;
}

/** The eight places, "" where nothing is typed yet. */
export function codePlaces(code: string): string[] {
  return Array.from({ length: CODE_DIGITS }, (_, index) => code[index] ?? "");
}
