/**
 * Asks the cloud in the member's name. An answer is the value, a refusal with its problem document, or "not known" when
 * nothing certain came back. Beginning a top-up carries its request id, so that asking again after silence is harmless.
 */
import type { Problem, Schemas } from "@vendomat/api";

export type Reply<Value> = { kind: "ok"; value: Value } | { kind: "refused"; problem: Problem } | { kind: "not_known" };

export type WalletView = Schemas["WalletView"];
export type ShownCode = Schemas["ShownCodeView"];
export type TopUp = Schemas["TopUpView"];
export type Entry = Schemas["WalletEntryView"];
export type Statement = Schemas["WalletStatementView"];

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
    this.#ask("POST", "/top-ups", {
      request_id: requestId, channel, amount_minor: amountMinor,
    } satisfies Schemas["TopUpBody"]);
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
