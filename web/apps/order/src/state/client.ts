/**
 * Asks the cloud for a buyer, with the token of one order's link. An answer is the value, a refusal with its problem
 * document, or "not known" when nothing certain came back. A claim carries its request id, so that sending it again after
 * silence is harmless.
 */
import type { Problem } from "@vendomat/api";

export type Reply<Value> = { kind: "ok"; value: Value } | { kind: "refused"; problem: Problem } | { kind: "not_known" };

export type Goods = {
  unit: number;
  name_zh: string;
  name_en: string;
  price_minor: number;
  state: "delivered" | "not_delivered" | "not_known" | "checking";
};
export type MoneyBack = {
  reference: string;
  amount_minor: number;
  channel: string;
  state: "returning" | "returned" | "waiting";
  by_hand: boolean;
  at: string | null;
};
export const WHATS = ["nothing_came", "not_all_came", "wrong_goods", "bad_goods", "paid_twice", "other"] as const;
export type What = (typeof WHATS)[number];
export type Word = { what: What; units: number[]; text: string; at: string };
export type Claim = {
  state: "opened" | "reopened" | "granted" | "declined" | "refused";
  since: string;
  /** Why it was declined. */
  answer: string;
  answered_at: string | null;
  words: Word[];
};
export type OrderView = {
  reference: string;
  merchant: string;
  service_phone: string;
  machine_number: string;
  machine_zh: string;
  machine_en: string;
  created_at: string;
  paid_minor: number;
  /** Held and not taken yet; held and never to be taken. */
  reserved_minor: number;
  not_taken_minor: number;
  currency: string;
  channel: string;
  goods: Goods[];
  money_back: MoneyBack[];
  claim: Claim | null;
  may_claim: boolean;
  /** Why nothing can be claimed, when that is not the claim itself: not_paid, code, under_way, too_late. */
  bar: string;
  claim_until: string | null;
};
export type Bill = { number: string; amount: string; paid_at: string };
export type Saying = { request_id: string; what: What; units: number[]; text: string };
export type Answer = { answer: "goes_back" | "a_person"; order: OrderView };

const ANSWER_WITHIN_MS = 10_000;

type Fetch = (address: string, init: RequestInit) => Promise<Response>;

export class OrderClient {
  constructor(readonly fetch: Fetch = (address, init) => globalThis.fetch(address, init)) {}

  see = (token: string): Promise<Reply<OrderView>> => this.#ask("GET", "", token);
  say = (token: string, saying: Saying): Promise<Reply<Answer>> => this.#ask("POST", "/claim", token, saying);
  find = (bill: Bill): Promise<Reply<{ token: string }>> => this.#ask("POST", "/find", "", bill);

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
