/**
 * Ignores a second press of the same control within 350 ms: hands tremble, screens bounce. The clock comes from outside.
 */

export const GUARD_MS = 350;

export class PressGuard {
  #lastAt = Number.NEGATIVE_INFINITY;
  readonly #now: () => number;
  readonly #guardMs: number;

  constructor(now: () => number, guardMs: number = GUARD_MS) {
    this.#now = now;
    this.#guardMs = guardMs;
  }

  /** Whether this press counts. */
  accepts(): boolean {
    const at = this.#now();
    if (at - this.#lastAt < this.#guardMs) return false;
    this.#lastAt = at;
    return true;
  }
}
