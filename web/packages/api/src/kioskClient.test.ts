import { describe, expect, it } from "vitest";
import { KioskClient } from "./kioskClient";

type Reply = Response | Error;

function clientWith(replies: Reply[]): { client: KioskClient; sent: { path: string; body: unknown }[] } {
  const sent: { path: string; body: unknown }[] = [];
  const client = new KioskClient("", {
    fetch: (path, init) => {
      sent.push({ path, body: JSON.parse(String(init.body)) });
      const reply = replies.shift() ?? new Error("no more replies");
      return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply);
    },
    wait: () => Promise.resolve(),
  });
  return { client, sent };
}

const taken = () => new Response("{}", { status: 202 });
const refused = (code: string) =>
  new Response(JSON.stringify({ code, status: 409, detail: "x" }), {
    status: 409,
    headers: { "content-type": "application/problem+json" },
  });
const ORDER = {
  request_id: "r1",
  lines: [{ slot: "A1", quantity: 1, price_minor: 350 }],
  channel: "wechat" as const,
  shown_minor: 350,
};

describe("KioskClient", () => {
  it("repeats an unanswered order with the same body", async () => {
    const { client, sent } = clientWith([new Error("cut"), taken()]);
    expect(await client.order(ORDER)).toEqual({ kind: "taken" });
    expect(sent).toEqual([
      { path: "/api/order", body: ORDER },
      { path: "/api/order", body: ORDER },
    ]);
  });

  it("says not known, never no, when nobody answers", async () => {
    const { client, sent } = clientWith([new Error("cut"), new Error("cut"), new Error("cut"), taken()]);
    expect(await client.order(ORDER)).toEqual({ kind: "not_known" });
    expect(sent).toHaveLength(3);
  });

  it("never repeats a pickup code", async () => {
    const { client, sent } = clientWith([new Error("cut"), taken()]);
    expect(await client.redeem("12345678")).toEqual({ kind: "not_known" });
    expect(sent).toHaveLength(1);
  });

  it("passes the code of a refusal on", async () => {
    const { client } = clientWith([refused("sold_out")]);
    expect(await client.order(ORDER)).toMatchObject({ kind: "refused", problem: { code: "sold_out", status: 409 } });
  });

  it("does not take a crash page for a refusal", async () => {
    const { client } = clientWith([new Response("<h1>502</h1>", { status: 502 })]);
    expect(await client.chooseChannel("alipay")).toEqual({ kind: "not_known" });
  });
});
