/**
 * Asks the cloud for a buyer, with the token of one order's link. An answer is the value, a refusal with its problem
 * document, or "not known" when nothing certain came back. A claim carries its request id, so that sending it again after
 * silence is harmless.
 */
import type { Problem, Schemas } from "@vendomat/api";

export type Reply<Value> = { kind: "ok"; value: Value } | { kind: "refused"; problem: Problem } | { kind: "not_known" };

export type Goods = Schemas["OrderGoodsView"];
export type MoneyBack = Schemas["MoneyBackView"];
export type What = Schemas["What"];
export const WHATS = [
  "nothing_came", "not_all_came", "wrong_goods", "bad_goods", "paid_twice", "other",
] as const satisfies readonly What[];
export type Word = Schemas["WordView"];
export type Claim = Schemas["BuyersClaimView"];
export type OrderView = Schemas["BuyersOrderView"];
export type Bill = Schemas["BillBody"];
export type Saying = Schemas["SayingBody"];
export type Answer = Schemas["AnswerView"];

const ANSWER_WITHIN_MS = 10_000;

type Fetch = (address: string, init: RequestInit) => Promise<Response>;

export class OrderClient {
  constructor(readonly fetch: Fetch = (address, init) => globalThis.fetch(address, init)) {}

  see = (token: string): Promise<Reply<OrderView>> => this.#ask("GET", "", token);
  say = (token: string, saying: Saying): Promise<Reply<Answer>> => this.#ask("POST", "/claim", token, saying);
  find = (bill: Bill): Promise<Reply<Schemas["LinkView"]>> => this.#ask("POST", "/find", "", bill);

  async #ask<Value>(method: string, path: string, token: string, body?: unknown): Promise<Reply<Value>> {
    const headers: Record<string, string> = token === "" ? {} : { authorization: `Bearer ${token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const init: RequestInit = { method, headers, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) };
    if (body !== undefined) init.body = JSON.stringify(body);
    try {
      const response = await this.fetch(`/api/v1/order${path}`, init);
      if (response.ok) return { kind: "ok", value: (await response.json()) as Value };
      const problem = (await response.json()) as Problem;
      return typeof problem.code === "string" ? { kind: "refused", problem } : { kind: "not_known" };
    } catch {
      return { kind: "not_known" };
    }
  }
}
