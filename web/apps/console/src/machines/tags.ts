/** Tags as they are typed, counted and sent. Pure. */
import type { Machine } from "../api/views";
import { modelName } from "../models/slots";

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

/** Every model of these machines, by name. */
export function modelsOf(machines: readonly Machine[]): NonNullable<Machine["model"]>[] {
  const known = new Map(machines.flatMap(({ model }) => (model === null ? [] : [[model.id, model] as const])));
  return [...known.values()].sort((left, right) => modelName(left).localeCompare(modelName(right), "en", { numeric: true }));
}

/** No more at once than the cloud takes. */
export function inParts(ids: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / SENT_AT_ONCE) }, (_, part) => ids.slice(part * SENT_AT_ONCE, (part + 1) * SENT_AT_ONCE));
}
