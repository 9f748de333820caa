import { beforeEach, describe, expect, it } from "vitest";
import { ConsoleClient, queryText } from "./client";

type Asked = { address: string; init: RequestInit };
let asked: Asked[] = [];
let answers: (() => Response)[] = [];
let client: ConsoleClient;
let signedOut = 0;

function json(status: number, body: unknown, type = "application/json"): () => Response {
  return () => new Response(JSON.stringify(body), { status, headers: { "content-type": type } });
}
const problem = (status: number, code: string) => json(status, { status, code, detail: "" }, "application/problem+json");

beforeEach(() => {
  [asked, answers, signedOut] = [[], [], 0];
  client = new ConsoleClient(async (address, init) => {
    asked.push({ address, init });
    const answer = answers.shift();
    if (answer === undefined) throw new TypeError("the line is cut");
    return answer();
  });
  client.onSignedOut = () => (signedOut += 1);
});

describe("ConsoleClient", () => {
  it("takes silence and a foreign answer for not known, never for no", async () => {
    expect(await client.orders({})).toEqual({ kind: "not_known" });
    answers = [json(502, { message: "bad gateway" }), json(500, "text", "text/html")];
    expect(await client.orders({})).toEqual({ kind: "not_known" });
    expect(await client.orders({})).toEqual({ kind: "not_known" });
  });

  it("tells when nobody is signed in any more, but not when a password was wrong", async () => {
    answers = [problem(401, "not_signed_in"), problem(401, "not_signed_in")];
    await client.signIn("a@b.example", "x");
    expect(signedOut).toBe(0);
    expect(await client.orders({})).toMatchObject({ kind: "refused", problem: { code: "not_signed_in" } });
    expect(signedOut).toBe(1);
  });

  it("sends the same request again, under the same key, once a proof was given", async () => {
    let isGiven = true;
    client.onProofWanted = async () => isGiven;
    answers = [problem(403, "proof_required"), json(200, { machines: 1 })];
    const machines = [{ machine_id: "m", edit: 1 }] as const;
    expect(await client.goods.setPrice("p", 300, machines, null)).toEqual({ kind: "ok", value: { machines: 1 } });
    const [first, again] = asked.map(({ address, init }) => ({ address, body: init.body, headers: init.headers, method: init.method }));
    expect(again).toEqual(first);
    expect(new Headers(asked[0]?.init.headers).get("idempotency-key")).toMatch(/^[0-9a-f]{32}$/);
    isGiven = false;
    answers = [problem(403, "proof_required"), json(200, { machines: 1 })];
    expect(await client.goods.setPrice("p", 300, machines, null)).toMatchObject({ problem: { code: "proof_required" } });
    expect(asked).toHaveLength(3);
  });

  it("issues codes under the caller's key", async () => {
    answers = [json(201, { data: [] })];
    const codes = { machine_id: "m", product_id: "p", kind: "gift", count: 1, valid_hours: 24 } as const;
    await client.issueCodes("key-1", codes);
    expect(asked[0]?.init).toMatchObject({ method: "POST", headers: { "idempotency-key": "key-1" } });
    expect(JSON.parse(String(asked[0]?.init.body))).toEqual(codes);
  });

  it("repeats a wish whose answer never came under its key, and gives the next wish another", async () => {
    const keyOf = (index: number) => new Headers(asked[index]?.init.headers).get("idempotency-key");
    expect(await client.createSite("Airport", "Ann")).toEqual({ kind: "not_known" });
    answers = [json(201, { id: "s" }), json(201, { id: "t" }), problem(409, "conflict"), json(201, { id: "u" })];
    await client.createSite("Airport", "Ann");
    await client.createSite("Airport", "Ann");
    await client.createSite("Station", "Ann");
    await client.createSite("Station", "Ann");
    expect(keyOf(0)).toMatch(/^[0-9a-f]{32}$/);
    expect(keyOf(1)).toBe(keyOf(0));
    expect(new Set([1, 2, 3, 4].map(keyOf)).size).toBe(4);
  });

  it.each([problem(409, "in_progress"), problem(500, "internal"), problem(503, "unavailable")])(
    "keeps the key of a wish that may still be done",
    async (answer) => {
      answers = [answer, json(201, { id: "s" })];
      await client.createSite("Airport", "Ann");
      await client.createSite("Airport", "Ann");
      const keys = asked.map(({ init }) => new Headers(init.headers).get("idempotency-key"));
      expect(keys[1]).toBe(keys[0]);
    },
  );

  it("gives other wishes keys of their own while one is not answered", async () => {
    await client.createSite("Airport", "Ann");
    await client.createSite("Station", "Ann");
    const keys = asked.map(({ init }) => new Headers(init.headers).get("idempotency-key"));
    expect(new Set(keys).size).toBe(2);
  });

  it("gathers all machines over their pages", async () => {
    answers = [
      json(200, { data: [{ id: "1" }], next_cursor: "next", has_more: true }),
      json(200, { data: [{ id: "2" }], next_cursor: null, has_more: false }),
    ];
    expect(await client.machines()).toMatchObject({ kind: "ok", value: { data: [{ id: "1" }, { id: "2" }], has_more: false } });
    expect(asked[1]?.address).toContain("cursor=next");
  });

  it("reads an answer without a body", async () => {
    answers = [() => new Response(null, { status: 204 })];
    expect(await client.signOut()).toEqual({ kind: "ok", value: null });
  });
});

it("leaves empty parameters away", () => {
  expect(queryText({ a: 1, b: undefined, c: "", d: "x y" })).toBe("?a=1&d=x+y");
  expect(queryText({})).toBe("");
});
