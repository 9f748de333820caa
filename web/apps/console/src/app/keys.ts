/** The console's keys, as a function from key presses to wishes. Knows no page: the shell does what is wished. */

export type Wish =
  | { kind: "palette" | "help" | "search" | "close" }
  | { kind: "row"; step: 1 | -1 }
  | { kind: "go"; path: string };

const PATHS: Readonly<Record<string, string>> = { t: "", m: "machines", o: "orders", a: "alarms", d: "doubts", c: "codes", r: "reconciliation", s: "statements" };
const SEQUENCE_MS = 1500;

export type Press = { key: string; ctrlKey: boolean; metaKey: boolean; altKey: boolean; isTyping: boolean };

export class Keys {
  #wentAt = Number.NEGATIVE_INFINITY;

  constructor(readonly now: () => number) {}

  /** What a press means, or undefined. Single keys mean nothing while somebody types or has turned them off. */
  wish(press: Press, hasSingleKeys: boolean): Wish | undefined {
    if ((press.ctrlKey || press.metaKey) && press.key.toLowerCase() === "k") return { kind: "palette" };
    if (press.key === "Escape") return { kind: "close" };
    if (press.ctrlKey || press.metaKey || press.altKey || press.isTyping || !hasSingleKeys) return undefined;
    const isSecond = this.now() - this.#wentAt < SEQUENCE_MS;
    this.#wentAt = Number.NEGATIVE_INFINITY;
    const path = PATHS[press.key];
    if (isSecond && path !== undefined) return { kind: "go", path };
    if (press.key === "g") this.#wentAt = this.now();
    if (press.key === "j") return { kind: "row", step: 1 };
    if (press.key === "k") return { kind: "row", step: -1 };
    if (press.key === "/") return { kind: "search" };
    if (press.key === "?") return { kind: "help" };
    return undefined;
  }
}

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

/** Whether a press may be a single key of the page's own: nobody types, no dialog is open, and they are not turned off. */
export function isSingleKey(event: KeyboardEvent, hasSingleKeys: boolean): boolean {
  if (!hasSingleKeys || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return false;
  return document.querySelector("dialog[open]") === null;
}

/** Moves the focus by `step` among the rows of the page. */
export function moveRow(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")].filter((row) => row.offsetParent !== null);
  const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
