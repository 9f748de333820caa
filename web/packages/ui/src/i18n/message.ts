/**
 * Messages with places to fill: `{name}` and `{count, plural, one {# item} other {# items}}`, a small part of the ICU
 * form. A number is written as the language writes it: 5,000. Pure. Refuses an unknown place: a message with a hole in it
 * never reaches a person.
 */
import type { Locale } from "./locale";

export type Values = Readonly<Record<string, string | number>>;

const rules = new Map<Locale, Intl.PluralRules>();
const numbers = new Map<Locale, Intl.NumberFormat>();

function pluralCategory(count: number, locale: Locale): string {
  let rule = rules.get(locale);
  if (rule === undefined) {
    rule = new Intl.PluralRules(locale);
    rules.set(locale, rule);
  }
  return rule.select(count);
}

function written(value: string | number, locale: Locale): string {
  if (typeof value === "string") return value;
  let format = numbers.get(locale);
  if (format === undefined) {
    format = new Intl.NumberFormat(locale);
    numbers.set(locale, format);
  }
  return format.format(value);
}

/** Index just past the brace that closes the one at `start`. */
function closingBrace(pattern: string, start: number): number {
  let depth = 0;
  for (let index = start; index < pattern.length; index += 1) {
    if (pattern[index] === "{") depth += 1;
    if (pattern[index] === "}") depth -= 1;
    if (depth === 0) return index + 1;
  }
  throw new SyntaxError(`unclosed brace in message: ${pattern}`);
}

function valueOf(name: string, values: Values): string | number {
  const value = values[name];
  if (value === undefined) throw new RangeError(`message needs a value for {${name}}`);
  return value;
}

function formatPlural(name: string, forms: string, values: Values, locale: Locale): string {
  const count = Number(valueOf(name, values));
  const texts = new Map<string, string>();
  let rest = forms.trim();
  while (rest !== "") {
    const open = rest.indexOf("{");
    if (open < 0) throw new SyntaxError(`plural form without text: ${forms}`);
    const end = closingBrace(rest, open);
    texts.set(rest.slice(0, open).trim(), rest.slice(open + 1, end - 1));
    rest = rest.slice(end).trim();
  }
  const chosen = texts.get(pluralCategory(count, locale)) ?? texts.get("other");
  if (chosen === undefined) throw new SyntaxError(`plural without "other": ${forms}`);
  return formatMessage(chosen.replaceAll("#", written(count, locale)), values, locale);
}

/** Fills the places of `pattern`. Raises RangeError for a missing value, SyntaxError for a broken pattern. */
export function formatMessage(pattern: string, values: Values, locale: Locale): string {
  let text = "";
  let index = 0;
  while (index < pattern.length) {
    const open = pattern.indexOf("{", index);
    if (open < 0) return text + pattern.slice(index);
    const end = closingBrace(pattern, open);
    const [name = "", kind, ...forms] = pattern.slice(open + 1, end - 1).split(",");
    text += pattern.slice(index, open);
    text +=
      kind?.trim() === "plural"
        ? formatPlural(name.trim(), forms.join(","), values, locale)
        : written(valueOf(name.trim(), values), locale);
    index = end;
  }
  return text;
}

/** The names of all places in a pattern, sorted: what both languages must agree on. */
export function placeNames(pattern: string): string[] {
  const names = new Set<string>();
  for (const match of pattern.matchAll(/\{\s*([a-z_][a-z0-9_]*)\s*[,}]/gi)) names.add(match[1] as string);
  return [...names].sort();
}
