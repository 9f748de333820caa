/** What the machine's program tells its screen: one whole picture at a time. Amounts are integer minor units. */

export type Text = { zh: string; en: string };

export type Screen = "browse" | "preparing" | "paying" | "delivering" | "result" | "out_of_order";
export type Channel = "wechat" | "alipay" | "stripe";
export type ProductState = "ok" | "sold_out" | "closed";
export type PaymentState = "starting" | "waiting" | "closing" | "paid" | "expired" | "unavailable";
export type UnitOutcome = "pending" | "started" | "delivered" | "not_delivered" | "unknown";
export type CodeState = "idle" | "checking" | "refused" | "locked" | "accepted";

export type Machine = {
  id: string;
  number: string;
  name: Text;
  service_phone: string;
  /** Whom the buyer's wallet will name. */
  payee: string;
  /** CSS pixels per millimetre of the panel. */
  mm_px: number;
  is_demo: boolean;
};

export type Product = {
  slot: string;
  product_id: string;
  name: Text;
  detail: Text;
  category: string;
  /** The list price; an order's lines carry it. */
  price_minor: number;
  /** What promotions make of it now; null: nothing. */
  offer: ProductOffer | null;
  currency: string;
  /** A path on the machine's own server, or "". */
  image: string;
  available: number;
  state: ProductState;
  label: Label;
};

/** Of 100 g or of 100 ml; null: not said. */
export type Nutrition = { per: "g" | "ml" } & Record<
  "energy_kj" | "fat_mg" | "saturates_mg" | "carbohydrate_mg" | "sugars_mg" | "protein_mg" | "sodium_mg",
  number | null
>;

/** What its label says; the calories are of one piece. */
export type Label = { allergens: string[]; energy_kcal: number | null; nutrition: Nutrition };

/** Several units that cost less together: `pay` of `take` are paid, or `take` come to `value_minor` as a bundle. */
export type GroupOffer = { kind: "n_for_m" | "bundle"; name: string; take: number; pay: number; value_minor: number };

/** One unit costs `price_minor` now; `until` is a time of day on the machine's clock, or "". */
export type ProductOffer = { price_minor: number; until: string; groups: GroupOffer[] };

/** What a cart comes to now, what each promotion takes off, and what of that is the coupon's. */
export type CartPrice = { list_minor: number; total_minor: number; coupon_minor: number; off: { name: string; off_minor: number }[] };
/** By any way to pay, and by each that costs less. */
export type PricedCart = CartPrice & { ways: Readonly<Record<string, CartPrice>> };

/** At list prices; what is paid for each unit stands with the unit. */
export type SaleLine = { slot: string; product_id: string; quantity: number; price_minor: number };

export type Charge = {
  state: "asking" | "charging" | "password" | "reversing" | "paid" | "closed";
  channel: string;
  /** Why it is closed: code_expired, not_enough, card_refused, refused, reversed. */
  reason: string;
};

export type Payment = {
  state: PaymentState;
  qr_svg: string;
  wallet_url: string;
  expires_in_ms: number;
  expires_total_ms: number;
  /** Whether a scanner is there that reads a buyer's payment code. */
  takes_codes: boolean;
  /** What becomes of the code that the buyer showed; null: none was shown. */
  charge: Charge | null;
};

export type Unit = { unit: number; slot: string; product_id: string; outcome: UnitOutcome; reason: string; price_minor: number | null };

export type Refund = { state: "refunding" | "checking" | "refunded"; amount_minor: number; channel: string };

/** The order's page for the buyer's own phone; `url` is told in the demo only. */
export type Receipt = { qr_svg: string; url: string };
/** Money that is reserved and taken after the goods. `amount_minor`: what is reserved; when taken, what was. */
export type Hold = { state: "held" | "taken" | "released"; amount_minor: number; channel: string };

export type Sale = {
  order_id: string;
  reference: string;
  kind: "payment" | "code";
  /** While it is not paid, by any way that `ways` does not name. */
  total_minor: number;
  /** By channel: ways to pay by which it costs less. */
  ways: Readonly<Record<string, number>>;
  currency: string;
  channel: string;
  lines: SaleLine[];
  payment: Payment;
  units: Unit[];
  refund: Refund | null;
  /** null until the sale is over and paid. */
  receipt: Receipt | null;
  hold: Hold | null;
  /** When the result page closes by itself; null: it stays. */
  close_in_ms: number | null;
};

export type Notice = { code: string; detail: string };

export type CodeEntry = { state: CodeState; reason: string; locked_for_ms: number };

export type Snapshot = {
  revision: number;
  build: string;
  machine: Machine;
  link: "online" | "offline";
  screen: Screen;
  out_of_order_reason: string | null;
  products: Product[];
  /** Whether promotions count at this machine: then a cart's price is asked for. */
  is_promoted: boolean;
  /** Rises when a cart may cost something else than before. */
  price_round: number;
  /** Whether a coupon could let a promotion count here. */
  takes_coupons: boolean;
  limits: { units_max: number };
  channels: { channel: Channel; is_available: boolean }[];
  /** The last refused attempt. */
  notice: Notice | null;
  sale: Sale | null;
  code_entry: CodeEntry;
  /** The coupon with the cart: its id once it is accepted, or "". */
  coupon: CodeEntry & { id: string };
  idle_in_ms: number | null;
};
