/**
 * What the screen knows and does: the machine's last picture, the cart, the buyer's preferences, and the requests. The
 * machine decides everything about money and goods; this only shows it and asks. A cut stream, a new language or a new
 * picture never empties the cart; only a paid sale, a closed order of somebody who left, or quiet does.
 */
import type { Answer, Channel, CodeEntry, CodeState, KioskClient, LinkState, OrderLine, PricedCart, Product, Snapshot } from "@vendomat/api";
import type { Tone, Values } from "@vendomat/ui";
import { i18n, type MessageKey } from "../i18n";
import { addOne, type Cart, fitCart, orderLines, quantityOf, removeOne, totalMinor, unitCount } from "./cart";
import { addDigit, isComplete } from "./code";
import { addLetter, isCoupon } from "./coupon";
import { idleState, type IdleState } from "./idle";
import { saleMinor } from "./ways";

export type View = "attract" | "shop" | "code" | "coupon";
export type Message = { key: MessageKey; values: Values; tone: Tone; canUndo: boolean };
export type KioskWorld = {
  client: KioskClient;
  /** A clock that only runs forward, in milliseconds. */
  now: () => number;
  newId: () => string;
  reload: () => void;
};

const MESSAGE_MS = 7000;
const ASK_TIMEOUT_MS = 10_000;
const AWAKE_EVERY_MS = 5000;
const GONE_AFTER_MS = 8000;

export class Kiosk {
  snapshot: Snapshot | undefined = $state.raw();
  link: LinkState = $state("connecting");
  cart: Cart = $state.raw([]);
  view: View = $state("attract");
  category = $state("");
  code = $state("");
  isLarge = $state(false);
  isContrast = $state(false);
  isLower = $state(false);
  /** The time all countdowns read; moved by `tick`. */
  now = $state(0);
  message: Message | undefined = $state.raw();
  /** When an order was asked for that the machine has not taken up yet. */
  #askedAt: number | undefined = $state();
  #channel: Channel | undefined = $state();
  /** The machine's last price of a cart, and of which one. */
  #priced: { key: string; cart: PricedCart } | undefined = $state.raw();
  #isCodeFresh = $state(false);
  #messageUntil = 0;
  #cartBefore: Cart | undefined;
  #receivedAt = 0;
  #touchedAt = $state(0);
  #awakeAt = Number.NEGATIVE_INFINITY;
  #noticeShown = "null";
  #build = "";
  readonly #world: KioskWorld;

  constructor(world: KioskWorld) {
    this.#world = world;
    this.now = world.now();
    this.#touchedAt = this.now;
  }

  products: readonly Product[] = $derived(this.snapshot?.products ?? []);
  isOnline = $derived(this.snapshot?.link === "online");
  lines = $derived(orderLines(this.cart, this.products));
  /** The coupon with the cart, or "". */
  couponId = $derived(this.snapshot?.coupon.id ?? "");
  /** Whether the cart has a place for one. */
  hasCoupons = $derived(this.couponId !== "" || (this.snapshot?.takes_coupons ?? false));
  listMinor = $derived(totalMinor(this.lines));
  /** Names the cart and every price it may have: the same name, the same total. */
  #priceKey = $derived(this.snapshot?.is_promoted ? JSON.stringify([this.lines, this.snapshot.price_round, this.couponId]) : "");
  /** What promotions take off; nothing as long as the machine has not said. */
  priced: PricedCart | undefined = $derived(this.#priced?.key === this.#priceKey ? this.#priced.cart : undefined);
  totalMinor = $derived(this.priced?.total_minor ?? this.listMinor);
  /** What the cart comes to by a way to pay. */
  wayMinor = (channel: string): number => this.priced?.ways[channel]?.total_minor ?? this.totalMinor;
  /** The ways at this machine by which the cart costs less. */
  cheaperWays = $derived(
    (this.snapshot?.channels ?? []).map(({ channel }) => channel).filter((channel) => this.wayMinor(channel) < this.totalMinor),
  );
  units = $derived(unitCount(this.cart));
  currency = $derived(this.products[0]?.currency ?? "CNY");
  /** Whether the answer to "Pay" is still awaited: the page shows the check at once. */
  isAsking = $derived(this.#askedAt !== undefined);
  isExpired = $derived(this.snapshot?.screen === "paying" && this.#isExpired());
  /** Whether somebody set the screen up for themselves. */
  isAdapted = $derived(this.isLarge || this.isContrast || this.isLower || i18n.locale !== "zh-CN");
  channel: Channel | undefined = $derived(this.#pickChannel());
  idle: IdleState = $derived(this.#idle());
  codeState = $derived(this.#entryState(this.snapshot?.code_entry));
  couponState = $derived(this.#entryState(this.snapshot?.coupon));
  /** The machine is there, and its merchant offers no way to pay at it. */
  hasNoWayToPay = $derived(this.snapshot !== undefined && this.isOnline && this.snapshot.channels.length === 0);
  mayPay = $derived(
    this.units > 0 && this.isOnline && this.channel !== undefined && this.link === "live" && !this.isAsking,
  );

  productAt = (slot: string): Product | undefined => this.products.find((product) => product.slot === slot);

  /** What is left of a span the machine stated in its last picture. */
  left = (ms: number): number => Math.max(0, ms - Math.max(0, this.now - this.#receivedAt));

  apply = (snapshot: Snapshot): void => {
    const before = this.snapshot;
    this.snapshot = snapshot;
    this.now = this.#receivedAt = this.#world.now();
    this.#build ||= snapshot.build;
    this.#showNotice(snapshot, before);
    this.#followCoupon(snapshot, before);
    if (snapshot.screen !== "browse") this.#enterSale(snapshot);
    else this.#enterBrowse(before);
    this.#reloadWhenNew(snapshot);
    void this.#price();
  };

  /** The first picture, asked for once; the stream's pictures are never older. */
  applyFirst = (snapshot: Snapshot | undefined): void => {
    if (snapshot !== undefined && this.snapshot === undefined) this.apply(snapshot);
  };

  setLink = (link: LinkState): void => {
    this.link = link;
  };

  tick = (): void => {
    this.now = this.#world.now();
    if (this.message !== undefined && this.now >= this.#messageUntil) this.message = undefined;
    if (this.#askedAt !== undefined && this.now - this.#askedAt > ASK_TIMEOUT_MS) this.#stopAsking("notice.not_known");
    if (this.idle.isOver) this.leave();
  };

  #enterSale(snapshot: Snapshot): void {
    this.#askedAt = undefined;
    this.code = "";
    this.view = "shop";
    const isPaid = snapshot.screen === "delivering" || snapshot.screen === "result";
    if (isPaid && snapshot.sale?.kind === "payment") this.cart = [];
  }

  #enterBrowse(before: Snapshot | undefined): void {
    const fitted = fitCart(this.cart, this.products);
    if (fitted.isReduced) {
      this.cart = fitted.cart;
      this.say("cart.reduced", {}, "warn");
    }
    if (before === undefined || before.screen === "browse") return;
    if (this.now - this.#touchedAt > GONE_AFTER_MS && this.snapshot?.notice === null) this.leave();
    else this.#touchedAt = this.now;
  }

  /** A coupon may also have been held before the scanner. One that is there when the page comes up is nobody's. */
  #followCoupon(snapshot: Snapshot, before: Snapshot | undefined): void {
    const { id, state, reason } = snapshot.coupon;
    if (before === undefined) {
      if (id !== "") this.dropCoupon();
      return;
    }
    if (id !== "" && before.coupon.id === "") {
      if (snapshot.screen === "browse") this.wake();
      this.say("coupon.accepted");
    }
    const isRefused = state === "refused" && (before.coupon.state !== state || before.coupon.reason !== reason);
    if (isRefused && this.view !== "coupon") this.say(reason === "unanswered" ? "coupon.unanswered" : "coupon.refused", {}, "warn");
  }

  #showNotice(snapshot: Snapshot, before: Snapshot | undefined): void {
    const notice = JSON.stringify(snapshot.notice);
    const isBackFromSale = before !== undefined && before.screen !== "browse" && snapshot.screen === "browse";
    const isNew = notice !== this.#noticeShown || isBackFromSale || this.isAsking;
    this.#noticeShown = notice;
    if (snapshot.notice === null || !isNew || before === undefined) return;
    if (snapshot.notice.code.startsWith("code_") && this.view === "code") return;
    this.#askedAt = undefined;
    this.#sayCode(snapshot.notice.code);
  }

  /** After an update the page takes the new version, but only when nobody is using it. */
  #reloadWhenNew(snapshot: Snapshot): void {
    const isUnused = snapshot.screen === "browse" && this.view === "attract" && this.cart.length === 0;
    if (snapshot.build !== this.#build && isUnused) this.#world.reload();
  }

  // --- what the buyer does ------------------------------------------------------------------------------------

  touch = (): void => {
    this.now = this.#touchedAt = this.#world.now();
    if (this.snapshot?.idle_in_ms != null && this.now - this.#awakeAt >= AWAKE_EVERY_MS) this.moreTime();
  };

  wake = (view: View = "shop"): void => {
    this.touch();
    this.view = view;
    this.code = "";
    this.#isCodeFresh = view !== "shop";
  };

  moreTime = (): void => {
    this.now = this.#touchedAt = this.#awakeAt = this.#world.now();
    if (this.snapshot?.idle_in_ms != null) void this.#world.client.awake();
  };

  /** The buyer is gone: the next one finds a fresh screen. */
  leave = (): void => {
    if (this.couponId !== "") this.dropCoupon();
    this.cart = [];
    this.code = "";
    this.category = "";
    this.view = "attract";
    this.message = undefined;
    this.isLarge = this.isContrast = this.isLower = false;
    i18n.locale = "zh-CN";
  };

  add = (product: Product): void => {
    const answer = addOne(this.cart, product, this.snapshot?.limits.units_max ?? 1);
    if (answer.kind === "added") this.#choose(answer.cart);
    else if (answer.kind === "no_more") this.say("cart.no_more", {}, "warn");
    else this.say("cart.full", { max: this.snapshot?.limits.units_max ?? 1 }, "warn");
  };

  remove = (product: Product): void => {
    if (quantityOf(this.cart, product.slot) === 0) return;
    this.#cartBefore = this.cart;
    this.#choose(removeOne(this.cart, product.slot));
    this.say("cart.removed", { name: i18n.pick(product.name) }, "off", true);
  };

  undo = (): void => {
    if (this.#cartBefore !== undefined) this.#choose(fitCart(this.#cartBefore, this.products).cart);
    this.#cartBefore = undefined;
    this.message = undefined;
  };

  pay = async (): Promise<void> => {
    if (!this.mayPay || this.channel === undefined) return;
    await this.#order(this.lines, this.channel, this.wayMinor(this.channel));
  };

  chooseChannel = async (channel: Channel): Promise<void> => {
    this.#channel = channel;
    if (this.isExpired) await this.newCode(channel);
    else if (this.snapshot?.screen === "paying") this.#report(await this.#world.client.chooseChannel(channel));
  };

  /** An expired order is closed: the same goods are ordered anew, at the prices the buyer was shown. */
  newCode = async (channel: Channel | undefined = this.channel): Promise<void> => {
    const sale = this.snapshot?.sale;
    if (sale == null || channel === undefined) return;
    const lines = sale.lines.map(({ slot, quantity, price_minor }) => ({ slot, quantity, price_minor }));
    await this.#order(lines, channel, saleMinor(sale, channel));
  };

  cancel = async (): Promise<void> => {
    this.touch();
    this.#askedAt = undefined;
    this.#report(await this.#world.client.cancel());
  };

  done = async (): Promise<void> => {
    this.touch();
    this.#report(await this.#world.client.done());
  };

  typeDigit = (digit: string): void => {
    this.#isCodeFresh = true;
    this.code = addDigit(this.code, digit);
  };

  typeLetter = (letter: string): void => {
    this.#isCodeFresh = true;
    this.code = addLetter(this.code, letter);
  };

  deleteKey = (): void => {
    this.code = this.code.slice(0, -1);
  };

  submitCode = async (): Promise<void> => {
    if (!isComplete(this.code) || this.snapshot?.code_entry.state === "checking") return;
    const code = this.code;
    this.code = "";
    this.#isCodeFresh = false;
    const answer = await this.#world.client.redeem(code);
    // A refused code is told by the keypad page itself.
    if (answer.kind !== "refused" || !answer.problem.code.startsWith("code_")) this.#report(answer);
  };

  submitCoupon = async (): Promise<void> => {
    if (!isCoupon(this.code) || this.couponState === "checking") return;
    const code = this.code;
    this.code = "";
    this.#isCodeFresh = false;
    this.#report(await this.#world.client.enterCoupon(code));
  };

  dropCoupon = (): void => {
    void this.#world.client.takeCouponOut();
  };

  /** Hold a code before the simulated scanner. */
  simScan = async (line: string): Promise<void> => {
    this.#report(await this.#world.client.simScan(line));
  };

  // --- inside -------------------------------------------------------------------------------------------------

  say(key: MessageKey, values: Values = {}, tone: Tone = "ok", canUndo = false): void {
    this.message = { key, values, tone, canUndo };
    this.#messageUntil = this.#world.now() + MESSAGE_MS;
  }

  #choose(cart: Cart): void {
    this.cart = cart;
    void this.#price();
  }

  /** Ask the machine what the cart comes to; an answer about another cart than the present one is not shown. */
  async #price(): Promise<void> {
    const key = this.#priceKey;
    if (key === "" || this.cart.length === 0 || this.#priced?.key === key || this.snapshot?.screen !== "browse") return;
    const cart = await this.#world.client.price(this.cart.map(({ slot, quantity }) => ({ slot, quantity })));
    if (cart !== undefined && key === this.#priceKey) this.#priced = { key, cart };
  }

  async #order(lines: OrderLine[], channel: Channel, shown_minor: number): Promise<void> {
    this.#askedAt = this.#world.now();
    this.message = undefined;
    const answer = await this.#world.client.order({ request_id: this.#world.newId(), lines, channel, shown_minor });
    if (answer.kind !== "taken") this.#askedAt = undefined;
    this.#report(answer);
  }

  #report(answer: Answer): void {
    if (answer.kind === "refused") this.#sayCode(answer.problem.code);
    if (answer.kind === "not_known") this.say("notice.not_known", {}, "warn");
  }

  #sayCode(code: string): void {
    const key = `notice.${code}`;
    this.say(i18n.has(key) ? key : "notice.other", {}, "warn");
  }

  #stopAsking(key: MessageKey): void {
    this.#askedAt = undefined;
    this.say(key, {}, "warn");
  }

  #pickChannel(): Channel | undefined {
    const open = (this.snapshot?.channels ?? []).filter((entry) => entry.is_available).map((entry) => entry.channel);
    const inSale = this.snapshot?.screen === "paying" ? this.snapshot.sale?.channel : undefined;
    return open.find((channel) => channel === inSale) ?? open.find((channel) => channel === this.#channel) ?? open[0];
  }

  #isExpired(): boolean {
    const payment = this.snapshot?.sale?.payment;
    if (payment === undefined) return false;
    return payment.state === "expired" || (payment.state === "waiting" && this.left(payment.expires_in_ms) <= 0);
  }

  #idle(): IdleState {
    const isBrowsing = this.snapshot?.screen === "browse" && !this.isAsking;
    const isSomebodyHere = this.view !== "attract" || !isBrowsing;
    const machineMs = this.snapshot?.idle_in_ms;
    return idleState(
      isBrowsing && (isSomebodyHere || this.isAdapted) ? this.now - this.#touchedAt : null,
      machineMs != null && isSomebodyHere ? this.left(machineMs) : null,
    );
  }

  /** A refusal stays on the page until the next digit is typed. */
  #entryState(entry: CodeEntry | undefined): CodeState {
    if (entry === undefined) return "idle";
    if (entry.state === "refused" && this.#isCodeFresh) return "idle";
    return entry.state === "locked" && this.left(entry.locked_for_ms) <= 0 ? "idle" : entry.state;
  }
}
