/** Tags as they are typed, counted and sent. Pure. */
import type { Machine } from "../api/views";

const SENT_AT_ONCE = 200;

/** The tags in a typed line: between commas, each once. */
export function tagsIn(text: string): string[] {
  const words = text.split(/[,，、;；\n]/).map((word) => word.trim().replaceAll(/\s+/g, " "));
  return [...new Set(words.filter((word) => word !== ""))];
}

/** Every tag of these machines, in the order of the alphabet. */
export function tagsOf(machines: readonly Machine[]): string[] {
  return [...new Set(machines.flatMap((machine) => machine.tags))].sort((left, right) => left.localeCompare(right));
}

/** No more at once than the cloud takes. */
export function inParts(ids: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / SENT_AT_ONCE) }, (_, part) => ids.slice(part * SENT_AT_ONCE, (part + 1) * SENT_AT_ONCE));
}
