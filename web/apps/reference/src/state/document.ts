/** An OpenAPI 3.1 document as this page reads it: areas, their operations, what goes in and what comes out. Pure. */

export type Schema = {
  $ref?: string;
  type?: string;
  format?: string;
  title?: string;
  description?: string;
  enum?: readonly (string | number | null)[];
  const?: unknown;
  default?: unknown;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  items?: Schema;
  prefixItems?: readonly Schema[];
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
  additionalProperties?: boolean | Schema;
  required?: readonly string[];
};
export type Media = Readonly<Record<string, { schema?: Schema }>>;
export type Parameter = { name: string; in: string; required?: boolean; description?: string; schema: Schema };
type Answer = { $ref?: string; description?: string; content?: Media };
type RawOperation = {
  operationId: string;
  summary?: string;
  description?: string;
  tags?: readonly string[];
  parameters?: readonly Parameter[];
  requestBody?: { content: Media };
  responses: Readonly<Record<string, Answer>>;
  security?: readonly Readonly<Record<string, readonly string[]>>[];
  "x-permission"?: string;
  "x-fresh-proof"?: boolean;
};
export type OpenApi = {
  info: { title: string; version: string; description?: string };
  tags?: readonly { name: string; description?: string }[];
  paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>;
  components?: { schemas?: Readonly<Record<string, Schema>>; responses?: Readonly<Record<string, Answer>> };
};

export type Shape = { mediaType: string; schema: Schema };
export type Outcome = { status: string; text: string; shape: Shape | undefined };
export type Operation = {
  id: string;
  method: string;
  path: string;
  says: string;
  more: string;
  area: string;
  /** How one proves who asks: the name of a scheme; empty when anybody may. */
  scheme: string;
  permission: string;
  /** Whether whoever asks has to have proven lately that it is still them. */
  needsProof: boolean;
  parameters: readonly Parameter[];
  body: Shape | undefined;
  answers: readonly Outcome[];
  problems: readonly Outcome[];
};
export type Area = { name: string; says: string; operations: readonly Operation[] };

const METHODS = ["get", "post", "put", "patch", "delete"];

/** The document's areas in its own order, each with its operations. */
export function areasOf(document: OpenApi): Area[] {
  const operations: Operation[] = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const raw = methods[method];
      if (raw !== undefined) operations.push(operationOf(document, path, method, raw));
    }
  }
  return (document.tags ?? [])
    .map(({ name, description }) => ({ name, says: description ?? "", operations: operations.filter((one) => one.area === name) }))
    .filter((area) => area.operations.length > 0);
}

/** The areas with only those operations in which every word of `search` stands; all of them when nothing is searched. */
export function found(areas: readonly Area[], search: string): Area[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const holds = (one: Operation) => {
    const text = [one.id, one.method, one.path, one.says, one.area, one.permission].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return areas
    .map((area) => ({ ...area, operations: area.operations.filter(holds) }))
    .filter((area) => area.operations.length > 0);
}

function operationOf(document: OpenApi, path: string, method: string, raw: RawOperation): Operation {
  const outcomes = Object.entries(raw.responses).map(([status, answer]) => outcomeOf(document, status, answer));
  return {
    id: raw.operationId,
    method: method.toUpperCase(),
    path,
    says: raw.summary ?? "",
    more: raw.description ?? "",
    area: raw.tags?.[0] ?? "",
    scheme: Object.keys(raw.security?.[0] ?? {})[0] ?? "",
    permission: raw["x-permission"] ?? "",
    needsProof: raw["x-fresh-proof"] ?? false,
    parameters: raw.parameters ?? [],
    body: raw.requestBody === undefined ? undefined : shapeOf(raw.requestBody.content),
    answers: outcomes.filter((one) => one.status < "400"),
    problems: outcomes.filter((one) => one.status >= "400"),
  };
}

function outcomeOf(document: OpenApi, status: string, answer: Answer): Outcome {
  const named = answer.$ref === undefined ? answer : document.components?.responses?.[nameOf(answer.$ref)];
  return { status, text: named?.description ?? "", shape: named?.content === undefined ? undefined : shapeOf(named.content) };
}

function shapeOf(content: Media): Shape | undefined {
  const [first] = Object.entries(content);
  return first === undefined ? undefined : { mediaType: first[0], schema: first[1].schema ?? {} };
}

/** `#/components/schemas/OrderView` → `OrderView`. */
export function nameOf(reference: string): string {
  return reference.slice(reference.lastIndexOf("/") + 1);
}
