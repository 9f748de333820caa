/**
 * The requests a screen may make of its machine. Results come over the stream; an answer here only says "taken" or
 * "refused". Only requests that are harmless when they arrive twice are sent again, with the same body; silence is
 * reported as "not known", never as "no".
 */
import type { Schemas } from "./cloud";
import type { Channel, PricedCart, Snapshot } from "./snapshot";

/** `flaw`: what exactly is wrong, to be said in the reader's own words. */
export type Problem = { type: string; title: string; status: number; detail: string; code: string; flaw?: Schemas["FlawView"] };

export type OrderLine = { slot: string; quantity: number; price_minor: number };
/** `shown_minor` is what the page says all of it comes to: nobody pays more. */
export type OrderRequest = { request_id: string; lines: OrderLine[]; channel: Channel; shown_minor: number };
export type CartLines = { slot: string; quantity: number }[];

export type Answer = { kind: "taken" } | { kind: "refused"; problem: Problem } | { kind: "not_known" };

export type ClientWorld = {
  fetch: (address: string, init: RequestInit) => Promise<Response>;
  wait: (ms: number) => Promise<void>;
};

const ANSWER_WITHIN_MS = 8000;
const TRIES_MAX = 3;
const BETWEEN_TRIES_MS = 400;

export const browserClientWorld: ClientWorld = {
  fetch: (address, init) => globalThis.fetch(address, init),
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

export class KioskClient {
  constructor(
    readonly base: string = "",
    readonly world: ClientWorld = browserClientWorld,
  ) {}

  /** The machine's present picture, for the first paint; undefined when it does not answer. */
  async state(): Promise<Snapshot | undefined> {
    try {
      const response = await this.world.fetch(`${this.base}/api/state`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
      return response.ok ? ((await response.json()) as Snapshot) : undefined;
    } catch {
      return undefined;
    }
  }

  /** What a cart comes to with promotions; undefined when the machine does not say. */
  async price(lines: CartLines): Promise<PricedCart | undefined> {
    try {
      const response = await this.world.fetch(`${this.base}/api/price`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ lines }),
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      return response.ok ? ((await response.json()) as PricedCart) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Asks for an order. The request id makes a repeat harmless. */
  order = (request: OrderRequest): Promise<Answer> => this.#post("/api/order", request, TRIES_MAX);
  /** A new payment code for the same order, in this wallet. */
  chooseChannel = (channel: Channel): Promise<Answer> => this.#post("/api/order/channel", { channel }, 1);
  cancel = (): Promise<Answer> => this.#post("/api/order/cancel", {}, TRIES_MAX);
  done = (): Promise<Answer> => this.#post("/api/order/done", {}, TRIES_MAX);
  /** A pickup code. Never repeated by itself: each try counts. */
  redeem = (code: string): Promise<Answer> => this.#post("/api/code", { code }, 1);
  /** A coupon for the cart. Never repeated by itself: each try counts. */
  enterCoupon = (code: string): Promise<Answer> => this.#post("/api/coupon", { code }, 1);
  takeCouponOut = (): Promise<Answer> => this.#post("/api/coupon/out", {}, TRIES_MAX);
  /** A simulated machine's scanner reads this line. */
  simScan = (line: string): Promise<Answer> => this.#post("/sim/scan", { line }, 1);
  /** Somebody is still here. */
  awake = (): Promise<Answer> => this.#post("/api/awake", {}, 1);

  async #post(path: string, body: unknown, triesMax: number): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#postOnce(path, body);
      if (answer.kind !== "not_known" || tries >= triesMax) return answer;
      await this.world.wait(BETWEEN_TRIES_MS * tries);
    }
  }

  async #postOnce(path: string, body: unknown): Promise<Answer> {
    let response: Response;
    try {
      response = await this.world.fetch(this.base + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
    } catch {
      return { kind: "not_known" };
    }
    if (response.ok) {
      // "Taken" is in the status; the body is read to its end so that the time limit finds nothing left to cut off.
      void response.text().catch(() => "");
      return { kind: "taken" };
    }
    const problem = await readProblem(response);
    return problem === undefined ? { kind: "not_known" } : { kind: "refused", problem };
  }
}

/** The problem document of a refusal; a refusal without one (a proxy's, a crash's) says nothing certain. */
async function readProblem(response: Response): Promise<Problem | undefined> {
  if (!(response.headers.get("content-type") ?? "").startsWith("application/problem+json")) return undefined;
  const body = (await response.json()) as Partial<Problem>;
  if (typeof body.code !== "string") return undefined;
  return {
    type: body.type ?? "about:blank",
    title: body.title ?? "",
    status: body.status ?? response.status,
    detail: body.detail ?? "",
    code: body.code,
  };
}
