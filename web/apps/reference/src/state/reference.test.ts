import { describe, expect, it } from "vitest";
import { Reference } from "./reference.svelte";

const document = {
  info: { title: "t", version: "1" },
  tags: [{ name: "orders" }],
  paths: { "/a": { get: { operationId: "orders.list", tags: ["orders"], responses: {} } } },
};

describe("the page", () => {
  it("says that nothing answered, and reads again", async () => {
    const answers = [new Response("", { status: 503 }), Response.json(document)];
    const reference = new Reference(async () => answers.shift() ?? Response.error());
    await reference.load();
    expect([reference.isAway, reference.document]).toEqual([true, undefined]);
    await reference.load();
    expect([reference.isAway, reference.count]).toEqual([false, 1]);
    reference.search = "nothing";
    expect(reference.count).toBe(0);
  });

  it("opens what the address names, whatever is written there", () => {
    const reference = new Reference(async () => Response.error());
    reference.go("#orders.list");
    expect(reference.opened).toBe("orders.list");
    reference.go("#%E0%A4%A");
    expect(reference.opened).toBe("");
  });
});
