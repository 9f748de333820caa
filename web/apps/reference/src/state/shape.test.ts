import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { areasOf, type OpenApi, type Schema } from "./document";
import { commandOf, exampleOf, fieldsOf, inner, typeWord } from "./shape";

const kept = JSON.parse(readFileSync(new URL("../../../../packages/api/openapi.json", import.meta.url), "utf8")) as OpenApi;
const operations = areasOf(kept).flatMap((area) => area.operations);
const schemas: Record<string, Schema> = {
  State: { type: "string", enum: ["open", "closed"] },
  Node: { type: "object", required: ["name"], properties: { name: { type: "string" }, next: { $ref: "#/components/schemas/Node" } } },
};
const node: Schema = { $ref: "#/components/schemas/Node" };

describe("a shape in words", () => {
  it.each([
    [{ type: "integer", minimum: 1, maximum: 9 }, "integer · ≥ 1 ≤ 9"],
    [{ type: "string", format: "date-time" }, "string · date-time"],
    [{ type: "string", minLength: 1, maxLength: 20, pattern: "^a" }, "string · 1–20 /^a/"],
    [{ $ref: "#/components/schemas/State" }, '"open" | "closed"'],
    [{ type: "array", items: node }, "Node[]"],
    [{ type: "array", items: { anyOf: [node, { type: "null" }] } }, "(Node | null)[]"],
    [{ type: "object", additionalProperties: { type: "integer" } }, "{ …: integer }"],
    [{ const: "" }, '""'],
    [{}, "any"],
  ] as [Schema, string][])("%j is %s", (schema, word) => {
    expect(typeWord(schema, schemas)).toBe(word);
  });

  it("unfolds to the object within", () => {
    const shape = inner({ anyOf: [{ type: "null" }, { type: "array", items: node }] }, schemas);
    expect(fieldsOf(shape ?? {}, schemas).map((one) => [one.name, one.type, one.isRequired])).toEqual([
      ["name", "string", true],
      ["next", "Node", false],
    ]);
    expect(inner({ type: "string" }, schemas)).toBeUndefined();
  });
});

describe("an example", () => {
  it("ends where a shape goes round", () => {
    expect(JSON.stringify(exampleOf(node, schemas))).toContain('"next":null');
  });

  it("takes what is given before what is guessed", () => {
    expect(exampleOf({ type: "integer", default: 20, minimum: 1 }, schemas)).toBe(20);
    expect(exampleOf({ anyOf: [{ type: "null" }, { type: "string", format: "date" }] }, schemas)).toBe("2026-05-01");
  });

  it("is there for every body and answer of the document", () => {
    for (const one of operations) {
      for (const shape of [one.body, ...one.answers.map((answer) => answer.shape)]) {
        if (shape !== undefined) expect(exampleOf(shape.schema, kept.components?.schemas ?? {})).toBeDefined();
      }
    }
  });
});

describe("a command", () => {
  const command = (id: string) => {
    const one = operations.find((operation) => operation.id === id);
    return one === undefined ? "" : commandOf(one, "https://here.example", kept.components?.schemas ?? {});
  };

  it("carries what the cloud asks for", () => {
    expect(command("orders.list")).toBe("curl 'https://here.example/api/v1/orders' \\\n  -b cookies.txt");
    expect(command("session.create")).toContain("-c cookies.txt");
    const issue = command("codes.issue");
    expect(issue).toContain("-X POST");
    expect(issue).toContain("-H 'Origin: https://here.example'");
    expect(issue.toLowerCase()).toContain("idempotency-key");
    expect(command("products.import")).toContain("--data-binary @file");
    expect(command("order.see")).toContain("Authorization: Bearer");
  });
});
