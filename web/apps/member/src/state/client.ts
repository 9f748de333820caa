/**
 * Asks the cloud in the member's name. An answer is the value, a refusal with its problem document, or "not known" when
 * nothing certain came back. Beginning a top-up carries its request id, so that asking again after silence is harmless.
 */
import type { Problem } from "@vendomat/api";

export type Reply<Value> = { kind: "ok"; value: Value } | { kind: "refused"; problem: Problem } | { kind: "not_known" };

export type WalletView = {
  name: string;
  merchant: string;
  state: string;
  balance_minor: number;
  currency: string;
  channels: string[];
  top_up_min_minor: number;
  top_up_max_minor: number;
};
export type ShownCode = { digits: string; qr: string; expires_in_s: number };
export type TopUp = {
  id: string;
  reference: string;
  state: "starting" | "waiting" | "checking" | "credited" | "refunded" | "ended";
  channel: string;
  amount_minor: number;
  currency: string;
  code_url: string;
  qr: string;
  expires_at: string;
};
export type Entry = {
  entry: number;
  kind: string;
  order_id: string;
  reference: string;
  amount_minor: number;
  balance_minor: number;
  at: string;
};
export type Statement = { data: Entry[]; next_before: number | null };

const ANSWER_WITHIN_MS = 10_000;

type Fetch = (address: string, init: RequestInit) => Promise<Response>;

export class MemberClient {
  constructor(
    readonly key: string,
    readonly fetch: Fetch = (address, init) => globalThis.fetch(address, init),
  ) {}

  wallet = (): Promise<Reply<WalletView>> => this.#ask("GET", "");
  code = (): Promise<Reply<ShownCode>> => this.#ask("POST", "/code");
  statement = (before?: number): Promise<Reply<Statement>> =>
    this.#ask("GET", `/statement?limit=20${before === undefined ? "" : `&before=${before}`}`);
  topUp = (requestId: string, channel: string, amountMinor: number): Promise<Reply<TopUp>> =>
    this.#ask("POST", "/top-ups", { request_id: requestId, channel, amount_minor: amountMinor });
  findTopUp = (id: string): Promise<Reply<TopUp>> => this.#ask("GET", `/top-ups/${id}`);

  async #ask<Value>(method: string, path: string, body?: unknown): Promise<Reply<Value>> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.key}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const init: RequestInit = { method, headers, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) };
    if (body !== undefined) init.body = JSON.stringify(body);
    try {
      const response = await this.fetch(`/api/v1/member${path}`, init);
      if (response.ok) return { kind: "ok", value: (await response.json()) as Value };
      const problem = (await response.json()) as Problem;
      return typeof problem.code === "string" ? { kind: "refused", problem } : { kind: "not_known" };
    } catch {
      return { kind: "not_known" };
    }
  }
}
