/**
 * The member's wallet as the page shows it: balance, the code of now, a top-up under way, the statement. It asks for a
 * new code only while somebody looks and the member wants to show one. Refuses to guess: what is not known is said.
 */
import type { Entry, MemberClient, ShownCode, TopUp, WalletView } from "./client";

/** A code is replaced this long before its end, so that no one shows one that dies on the way to the scanner. */
const RENEW_BEFORE_S = 10;
const POLL_MS = 2_000;
/** Balance and statement are read again this often while the page is seen: a purchase shows soon after it. */
const REFRESH_MS = 5_000;
const OPEN = ["starting", "waiting", "checking"];

export type World = { client: MemberClient; now: () => number; newId: () => string; isSeen: () => boolean };
export type Trouble = "" | "link" | "not_known" | "rate_limited";

export class Wallet {
  view: WalletView | undefined = $state.raw();
  trouble: Trouble = $state("");
  code: ShownCode | undefined = $state.raw();
  codeLeftS = $state(0);
  isShowing = $state(false);
  topUp: TopUp | undefined = $state.raw();
  refusal = $state("");
  isAsking = $state(false);
  entries: Entry[] = $state.raw([]);
  more: number | null = $state(null);

  #world: World;
  #codeEndsMs = 0;
  #readMs = 0;
  #polledMs = 0;
  #isBusy = false;
  #asked = { id: "", what: "" };

  constructor(world: World) {
    this.#world = world;
  }

  open = async (): Promise<void> => {
    await this.#read();
  };

  /** Once a second: the code's time, a top-up's state, the balance. */
  tick = async (): Promise<void> => {
    if (this.#isBusy || this.trouble === "link" || !this.#world.isSeen()) return;
    this.#isBusy = true;
    const now = this.#world.now();
    try {
      if (this.isShowing) {
        this.codeLeftS = Math.max(0, Math.ceil((this.#codeEndsMs - now) / 1000));
        if (this.codeLeftS <= RENEW_BEFORE_S) await this.#newCode();
      }
      if (this.topUp !== undefined && OPEN.includes(this.topUp.state) && now - this.#polledMs >= POLL_MS) await this.#poll();
      if (now - this.#readMs >= REFRESH_MS) await this.#read();
    } finally {
      this.#isBusy = false;
    }
  };

  showCode = async (): Promise<void> => {
    this.isShowing = true;
    await this.#newCode();
  };

  hideCode = (): void => {
    this.isShowing = false;
    this.code = undefined;
  };

  /** Pressing again after silence asks for the same top-up. */
  beginTopUp = async (channel: string, amountMinor: number): Promise<void> => {
    if (this.isAsking) return;
    const what = `${channel} ${amountMinor}`;
    if (this.#asked.what !== what) this.#asked = { id: this.#world.newId(), what };
    this.isAsking = true;
    this.refusal = "";
    const reply = await this.#world.client.topUp(this.#asked.id, channel, amountMinor);
    this.isAsking = false;
    if (reply.kind === "ok") {
      this.topUp = reply.value;
      this.#polledMs = this.#world.now();
    } else this.refusal = reply.kind === "refused" ? reply.problem.code : "not_known";
  };

  /** Leave the top-up's picture. A paid one is credited all the same. */
  closeTopUp = (): void => {
    this.topUp = undefined;
    this.#asked = { id: "", what: "" };
    this.#readMs = 0;
  };

  readMore = async (): Promise<void> => {
    if (this.more === null) return;
    const reply = await this.#world.client.statement(this.more);
    if (reply.kind !== "ok") return;
    this.entries = [...this.entries, ...reply.value.data];
    this.more = reply.value.next_before;
  };

  async #newCode(): Promise<void> {
    const reply = await this.#world.client.code();
    if (reply.kind !== "ok") {
      if (this.codeLeftS === 0) this.code = undefined;
      return;
    }
    this.code = reply.value;
    this.#codeEndsMs = this.#world.now() + reply.value.expires_in_s * 1000;
    this.codeLeftS = Math.ceil(reply.value.expires_in_s);
  }

  async #poll(): Promise<void> {
    if (this.topUp === undefined) return;
    this.#polledMs = this.#world.now();
    const reply = await this.#world.client.findTopUp(this.topUp.id);
    if (reply.kind === "ok") this.topUp = reply.value;
    if (!OPEN.includes(this.topUp.state)) this.#readMs = 0;
  }

  async #read(): Promise<void> {
    this.#readMs = this.#world.now();
    const reply = await this.#world.client.wallet();
    if (reply.kind !== "ok") {
      const code = reply.kind === "refused" ? reply.problem.code : "not_known";
      this.trouble = code === "not_signed_in" ? "link" : code === "rate_limited" ? "rate_limited" : "not_known";
      return;
    }
    const isMoved = this.view?.balance_minor !== reply.value.balance_minor;
    this.trouble = "";
    this.view = reply.value;
    if (!isMoved && this.entries.length > 0) return;
    const statement = await this.#world.client.statement();
    if (statement.kind !== "ok") return;
    this.entries = statement.value.data;
    this.more = statement.value.next_before;
  }
}
