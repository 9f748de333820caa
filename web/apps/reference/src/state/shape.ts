/** Schemas in words and as examples: what a value is, which fields it has, and one that would do. Pure. */
import { nameOf, type Operation, type Schema } from "./document";

export type Schemas = Readonly<Record<string, Schema>>;
export type Field = { name: string; type: string; says: string; isRequired: boolean; schema: Schema };

const DEPTH_MAX = 5;
const BY_FORMAT: Readonly<Record<string, string>> = { "date-time": "2026-05-01T09:30:00Z", date: "2026-05-01", uri: "https://example.com" };

/** The schema itself, whatever name it goes by. */
export function resolved(schema: Schema, schemas: Schemas): Schema {
  return schema.$ref === undefined ? schema : (schemas[nameOf(schema.$ref)] ?? {});
}

/** What a value is, in a few words: `string · date-time`, `OrderView[]`, `"paid" | "closed"`, `integer ≥ 1`. */
export function typeWord(schema: Schema, schemas: Schemas): string {
  if (schema.$ref !== undefined) {
    const named = resolved(schema, schemas);
    return named.enum === undefined ? nameOf(schema.$ref) : typeWord(named, schemas);
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return choices.map((one) => typeWord(one, schemas)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.prefixItems !== undefined) return `[${schema.prefixItems.map((one) => typeWord(one, schemas)).join(", ")}]`;
  if (schema.type === "array") return `${bracketed(typeWord(schema.items ?? {}, schemas))}[]`;
  if (schema.type === "object" && typeof schema.additionalProperties === "object") {
    return `{ …: ${typeWord(schema.additionalProperties, schemas)} }`;
  }
  return [schema.type ?? "any", schema.format, bounds(schema)].filter(Boolean).join(" · ");
}

function bracketed(word: string): string {
  return word.includes(" ") ? `(${word})` : word;
}

function bounds({ minimum, maximum, minLength, maxLength, pattern }: Schema): string {
  const parts: string[] = [];
  if (minimum !== undefined) parts.push(`≥ ${minimum}`);
  if (maximum !== undefined) parts.push(`≤ ${maximum}`);
  const [least, most] = [minLength ?? 0, maxLength];
  if (most !== undefined) parts.push(`${least}–${most}`);
  else if (least > 0) parts.push(`${least}+`);
  if (pattern !== undefined) parts.push(`/${pattern}/`);
  return parts.join(" ");
}

/** The schema whose fields are worth unfolding beneath this one: an object's own, a list's item's, a choice's object. */
export function inner(schema: Schema, schemas: Schemas): Schema | undefined {
  const own = resolved(schema, schemas);
  if (own.properties !== undefined) return own;
  if (own.items !== undefined) return inner(own.items, schemas);
  if (typeof own.additionalProperties === "object") return inner(own.additionalProperties, schemas);
  for (const choice of own.anyOf ?? own.oneOf ?? []) {
    const one = inner(choice, schemas);
    if (one !== undefined) return one;
  }
  return undefined;
}

export function fieldsOf(schema: Schema, schemas: Schemas): Field[] {
  return Object.entries(schema.properties ?? {}).map(([name, one]) => ({
    name,
    type: typeWord(one, schemas),
    says: one.description ?? "",
    isRequired: schema.required?.includes(name) ?? false,
    schema: one,
  }));
}

/** A value of this shape, as short as it may be. What refers to itself ends as null. */
export function exampleOf(schema: Schema, schemas: Schemas, depth = 0): unknown {
  if (depth > DEPTH_MAX) return null;
  const own = resolved(schema, schemas);
  if (own.default !== undefined && own.default !== null) return own.default;
  if (own.const !== undefined) return own.const;
  if (own.enum !== undefined) return own.enum[0] ?? null;
  const choices = own.anyOf ?? own.oneOf;
  if (choices !== undefined) {
    return exampleOf(choices.find((one) => one.type !== "null" && one.const !== "") ?? choices[0] ?? {}, schemas, depth);
  }
  if (own.prefixItems !== undefined) return own.prefixItems.map((one) => exampleOf(one, schemas, depth + 1));
  if (own.type === "array") return own.items === undefined ? [] : [exampleOf(own.items, schemas, depth + 1)];
  if (own.properties !== undefined) {
    return Object.fromEntries(Object.entries(own.properties).map(([name, one]) => [name, exampleOf(one, schemas, depth + 1)]));
  }
  if (own.type === "object") return {};
  if (own.type === "integer" || own.type === "number") return own.minimum ?? 0;
  if (own.type === "boolean") return true;
  if (own.type === "null") return null;
  return BY_FORMAT[own.format ?? ""] ?? "…";
}

/** The operation as a command: who asks, what is said, nothing that a shell would read otherwise. */
export function commandOf(one: Operation, origin: string, schemas: Schemas): string {
  const lines = [`curl ${quoted(origin + one.path)}`];
  if (one.method !== "GET") lines[0] = `curl -X ${one.method} ${quoted(origin + one.path)}`;
  if (one.scheme === "session") lines.push("-b cookies.txt");
  else if (one.scheme !== "") lines.push("-H 'Authorization: Bearer …'");
  if (one.id === "session.create") lines.push("-c cookies.txt");
  if (one.method !== "GET") lines.push(`-H ${quoted(`Origin: ${origin}`)}`);
  for (const { name, required } of one.parameters.filter((given) => given.in === "header")) {
    if (required === true) lines.push(`-H ${quoted(`${name}: …`)}`);
  }
  if (one.body !== undefined) {
    lines.push(`-H 'Content-Type: ${one.body.mediaType}'`);
    const isJson = one.body.mediaType === "application/json";
    lines.push(isJson ? `-d ${quoted(JSON.stringify(exampleOf(one.body.schema, schemas)))}` : "--data-binary @file");
  }
  return lines.join(" \\\n  ");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
