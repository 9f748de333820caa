/**
 * One order as its buyer sees it: found by the link or by the bill, read again by itself, and what the buyer says about
 * it. Refuses to guess: after silence the same claim is sent under the same request id, and what is old is said to be.
 */
import type { Bill, OrderClient, OrderView, Saying } from "./client";

/** Read again this often while something is still moving, and while nothing is. */
const MOVING_MS = 3_000;
const CALM_MS = 20_000;

export type World = {
  client: OrderClient;
  now: () => number;
  newId: () => string;
  isSeen: () => boolean;
  /** Puts the token into the page's address. */
  keep: (token: string) => void;
};
export type Trouble = "" | "link" | "not_known" | "rate_limited";
export type Sent = "" | "goes_back" | "a_person";

export function isMoving(view: OrderView): boolean {
  const isClaimed = view.claim !== null && (view.claim.state === "opened" || view.claim.state === "reopened");
  return isClaimed || view.reserved_minor > 0 || view.goods.some((one) => one.state === "checking") || view.money_back.some((one) => one.state !== "returned");
}

export class OrderPage {
  token = $state("");
  view: OrderView | undefined = $state.raw();
  trouble: Trouble = $state("");
  /** What became of the last thing said, and why it was refused. */
  sent: Sent = $state("");
  refusal = $state("");
  isBusy = $state(false);
  findFailure = $state("");

  #world: World;
  #readMs = 0;
  #isReading = false;
  #asked = { id: "", what: "" };

  constructor(world: World) {
    this.#world = world;
  }

  open = async (token: string): Promise<void> => {
    if (token === this.token && this.view !== undefined) return;
    this.token = token;
    this.view = undefined;
    this.trouble = "";
    this.sent = "";
    if (token !== "") await this.#read();
  };

  /** Once a second. */
  tick = async (): Promise<void> => {
    if (this.token === "" || this.trouble === "link" || this.#isReading || !this.#world.isSeen()) return;
    const wait = this.view === undefined || isMoving(this.view) ? MOVING_MS : CALM_MS;
    if (this.#world.now() - this.#readMs >= wait) await this.#read();
  };

  find = async (bill: Bill): Promise<void> => {
    if (this.isBusy) return;
    this.isBusy = true;
    this.findFailure = "";
    const reply = await this.#world.client.find(bill);
    this.isBusy = false;
    if (reply.kind === "ok") {
      this.#world.keep(reply.value.token);
      await this.open(reply.value.token);
    } else this.findFailure = reply.kind === "refused" ? reply.problem.code : "not_known";
  };

  /** Back to typing in a bill. */
  leave = (): void => {
    this.#world.keep("");
    void this.open("");
  };

  /** Whether it was taken. Sending the same again after silence is the same word. */
  say = async (saying: Omit<Saying, "request_id">): Promise<boolean> => {
    if (this.isBusy) return false;
    const what = JSON.stringify(saying);
    if (this.#asked.what !== what) this.#asked = { id: this.#world.newId(), what };
    this.isBusy = true;
    this.refusal = "";
    const reply = await this.#world.client.say(this.token, { ...saying, request_id: this.#asked.id });
    this.isBusy = false;
    if (reply.kind !== "ok") {
      this.refusal = reply.kind === "refused" ? reply.problem.code : "not_known";
      return false;
    }
    this.#asked = { id: "", what: "" };
    this.sent = reply.value.answer;
    this.view = reply.value.order;
    return true;
  };

  async #read(): Promise<void> {
    const token = this.token;
    this.#isReading = true;
    this.#readMs = this.#world.now();
    const reply = await this.#world.client.see(token);
    this.#isReading = false;
    if (token !== this.token) return;
    if (reply.kind === "ok") {
      this.view = reply.value;
      this.trouble = "";
      return;
    }
    const code = reply.kind === "refused" ? reply.problem.code : "not_known";
    this.trouble = code === "not_found" ? "link" : code === "rate_limited" ? "rate_limited" : "not_known";
  }
}
