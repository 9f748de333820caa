/**
 * Checks for the tests of every app: both catalogues are complete and agree, every message is used, and no page carries
 * text of its own. Never part of a built page.
 */
import { type AST, parse } from "svelte/compiler";
import { formatMessage, placeNames } from "../i18n/message";

type Messages = Readonly<Record<string, string>>;
type Node = { type: string; [field: string]: unknown };

const SPOKEN_ATTRIBUTES = new Set(["alt", "title", "placeholder", "aria-label", "aria-description", "label"]);
const LETTERS = /[\p{L}]{2,}|[\p{Script=Han}]/u;

/** What is wrong between two catalogues: missing keys, empty texts, differing places, broken patterns. */
export function catalogueFaults(first: Messages, second: Messages): string[] {
  const faults: string[] = [];
  for (const key of new Set([...Object.keys(first), ...Object.keys(second)])) {
    const [left, right] = [first[key], second[key]];
    if (left === undefined || right === undefined) faults.push(`${key}: missing in one language`);
    else if (left.trim() === "" || right.trim() === "") faults.push(`${key}: empty`);
    else if (placeNames(left).join() !== placeNames(right).join()) faults.push(`${key}: places differ`);
    else faults.push(...patternFaults(key, left), ...patternFaults(key, right));
  }
  return faults;
}

function patternFaults(key: string, pattern: string): string[] {
  const values = Object.fromEntries(placeNames(pattern).map((name) => [name, 2]));
  try {
    formatMessage(pattern, values, "en");
    return [];
  } catch (error) {
    return [`${key}: ${String(error)}`];
  }
}

/** Keys that no source mentions, neither whole nor by the start of a key built at run time (`notice.`). */
export function unusedKeys(messages: Messages, sources: readonly string[], prefixes: readonly string[]): string[] {
  const text = sources.join("\n");
  return Object.keys(messages).filter(
    (key) => !text.includes(`"${key}"`) && !prefixes.some((prefix) => key.startsWith(prefix)),
  );
}

/** Texts that stand in a Svelte page itself instead of in the catalogues. */
export function looseTexts(source: string): string[] {
  const root: AST.Root = parse(source, { modern: true });
  const found: string[] = [];
  visit(root.fragment as unknown as Node, found);
  return found;
}

function visit(node: Node, found: string[]): void {
  if (node.type === "Text" && LETTERS.test(String(node["data"]))) found.push(String(node["data"]).trim());
  if (node.type === "Attribute" && !SPOKEN_ATTRIBUTES.has(String(node["name"]))) return;
  for (const [field, value] of Object.entries(node)) {
    if (field === "parent" || field === "expression") continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child !== null && typeof child === "object" && "type" in child) visit(child as Node, found);
    }
  }
}
