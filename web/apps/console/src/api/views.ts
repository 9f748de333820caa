/** The shapes in which the cloud gives machines, orders, alarms and codes. Amounts are minor units, times RFC 3339 UTC. */

import type { RoleName } from "./peopleViews";

export type Page<Item> = { data: Item[]; next_cursor: string | null; has_more: boolean };

export type Session = {
  operator: { id: string; email: string; name: string; role: RoleName; permissions: readonly string[] };
  merchant: { id: string; name: string; currency: string };
  expires_at: string | null;
};

export type MachineState = "online" | "attention" | "offline" | "new";

export type Machine = {
  id: string;
  number: string;
  name_zh: string;
  name_en: string;
  site: string;
  time_zone: string;
  lifecycle: string;
  state: MachineState;
  seen_at: string | null;
  is_ready: boolean;
  reasons: string[];
  temperature_c: number | null;
  facts_waiting: number;
  open_alarms: number;
  slots: { ok: number; sold_out: number; closed: number };
  /** Units delivered since midnight of the machine's time zone. */
  sales_today: { count: number; amount_minor: number; currency: string };
};

export type Slot = {
  slot: string;
  product_id: string;
  name_zh: string;
  name_en: string;
  image: string;
  price_minor: number;
  currency: string;
  capacity: number;
  on_hand: number;
  reserved: number;
  available: number;
  state: "ok" | "sold_out" | "closed";
  closed_reason: string;
};

export type MachineDetail = Machine & { catalogue_version: number; epoch: number; planogram: Slot[] };

export const ORDER_STATES = ["awaiting_payment", "paid", "dispensing", "settled", "expired", "cancelled"] as const;
export type OrderState = (typeof ORDER_STATES)[number];

export type Order = {
  id: string;
  reference: string;
  machine_id: string;
  machine_number: string;
  state: OrderState;
  closing: "" | "expiring" | "cancelling";
  origin: string;
  /** How the winning payment came; empty while there is none. */
  channel: string;
  total_minor: number;
  refunded_minor: number;
  refunding_minor: number;
  currency: string;
  units: number;
  units_delivered: number;
  units_unknown: number;
  created_at: string;
  ended_at: string | null;
};

export type UnitOutcome = "pending" | "started" | "delivered" | "not_delivered" | "unknown";

/** What was found out about a unit after its last word. */
export type Finding = "none" | "came_out" | "stayed_in" | "not_knowable";

export type Unit = {
  unit: number;
  slot: string;
  product_id: string;
  name_zh: string;
  name_en: string;
  price_minor: number;
  outcome: UnitOutcome;
  is_final: boolean;
  result: string;
  reason: string;
  finding: Finding;
};

export type Payment = {
  id: string;
  channel: string;
  account: string;
  state: "created" | "unknown" | "held" | "paid" | "closed";
  /** Its money is taken after the goods; `capture_minor` of it, once that is decided. */
  is_hold: boolean;
  capture_minor: number;
  is_winning: boolean;
  is_frozen: boolean;
  amount_minor: number;
  captured_minor: number;
  currency: string;
  transaction_id: string;
  created_at: string;
  expires_at: string;
  paid_at: string | null;
  /** Of money that did not fit its order (`is_frozen`): what people decided about it. */
  verdict: Verdict;
  /** The operator who asked for the verdict; empty while there is none. */
  verdict_by: string;
};

export type Verdict = "none" | "give_asked" | "keep_asked" | "given_back" | "kept";
export type HandWay = "cash" | "bank_transfer" | "wallet_transfer" | "other";

export type Refund = {
  id: string;
  payment_id: string;
  ordinal: number;
  amount_minor: number;
  reason: string;
  state: "requested" | "held" | "processing" | "unknown" | "succeeded" | "failed";
  error: string;
  /** The operator who let it go; empty for one that nobody had to look at. */
  approved_by: string;
  /** The operator who gave it although nothing was owed; empty for what was owed. */
  asked_by: string;
  /** How a person paid it outside the platform; empty for one that the platform pays. */
  hand_way: "" | HandWay;
  hand_reference: string;
  /** The operator who recorded that it is paid by hand. */
  recorded_by: string;
  /** Where another person wants it sent on: `merchant`, or `card:` and four digits; empty when nobody does. */
  send_to: string;
  send_asked_by: string;
  /** Where the platform paid it to the merchant; empty for every other. */
  came_back: "" | "bank" | "balance";
  tries: number;
  requested_at: string;
  ended_at: string | null;
};

/** Money to give although nothing is owed; `ordinal` is the place it is to have among the payment's refunds. */
export type Gift = { amount_minor: number; ordinal: number };

/** A card of the buyer's that a refund is sent on to; `bank` is the platform's word. */
export type Card = { bank: string; account: string; holder: string };

/** What goes with a move of money, beside its reason. */
export type MoneyMove = { reason: string } & Partial<Gift> &
  Partial<{ way: HandWay; reference: string; verdict: "give_back" | "goods_by_hand"; card: Card }>;

/** Debit positive, credit negative. */
export type LedgerLine = {
  transaction: string;
  kind: string;
  line: number;
  account: string;
  amount_minor: number;
  currency: string;
  posted_at: string;
};

export type Evidence = {
  at: string;
  source: "terminal" | "cloud" | "platform" | "operator";
  kind: string;
  data: Readonly<Record<string, unknown>>;
};

export type OrderDetail = Order & {
  version: number;
  expires_at: string;
  code_id: string;
  unit_list: Unit[];
  payments: Payment[];
  refunds: Refund[];
  ledger: LedgerLine[];
  timeline: Evidence[];
};

export type Alarm = {
  id: string;
  machine_id: string;
  machine_number: string;
  slot: string;
  kind: string;
  severity: "warning" | "critical";
  state: "raised" | "acknowledged" | "cleared";
  order_id: string;
  detail: string;
  count: number;
  raised_at: string;
  cleared_at: string | null;
};

export const CODE_KINDS = ["gift", "prize", "prepaid"] as const;
export type CodeKind = (typeof CODE_KINDS)[number];

export type PickupCode = {
  id: string;
  machine_id: string;
  product_id: string;
  kind: CodeKind;
  state: "issued" | "redeemed" | "withdrawn";
  value_minor: number;
  currency: string;
  order_id: string;
  issued_at: string;
  expires_at: string;
};

/** The digits are in the answer to issuing and nowhere else. */
export type IssuedCode = PickupCode & { code: string };

export type NewCodes = { machine_id: string; product_id: string; kind: CodeKind; count: number; valid_hours: number };

export type Member = {
  id: string;
  name: string;
  phone_tail: string;
  external_id: string;
  state: "active" | "blocked";
  created_at: string;
  balance_minor: number;
  currency: string;
};

/** The link's key is in this answer and nowhere else; `qr` is an SVG drawing of the whole address. */
export type MemberLink = { member: Member; path: string; qr: string };

export type NewMember = { request_id: string; name: string; phone: string; external_id: string };

/** A movement of a wallet; what came in is positive. */
export type WalletEntry = {
  entry: number;
  kind: string;
  order_id: string;
  reference: string;
  amount_minor: number;
  balance_minor: number;
  at: string;
};

export type WalletStatement = { data: WalletEntry[]; next_before: number | null };

/** One event of the live stream. `subject` is the id it is about. */
export type LiveEvent = {
  type: string;
  timestamp: string;
  subject: string;
  data: Readonly<Record<string, unknown>>;
};

/** A unit that was declared ambiguous. */
export type Ambiguity = {
  order_id: string;
  reference: string;
  unit: number;
  machine_id: string;
  machine_number: string;
  slot: string;
  product_id: string;
  name_zh: string;
  name_en: string;
  price_minor: number;
  currency: string;
  declared_at: string;
  result: string;
  reason: string;
  refund_state: "" | Refund["state"];
  finding: Finding;
  found_at: string | null;
  found_by: string;
  found_reason: string;
};

export type AmbiguityRate = { started: number; ambiguous: number; ambiguous_minor: number };
export type MachineAmbiguity = AmbiguityRate & {
  machine_id: string;
  machine_number: string;
  locked_slots: number;
  unresolved: number;
};
export type OpenUnknown = {
  order_id: string;
  reference: string;
  unit: number;
  machine_id: string;
  machine_number: string;
  slot: string;
  price_minor: number;
  currency: string;
  deadline: string;
};
export type AmbiguityReport = {
  currency: string;
  rates: Readonly<Record<"24h" | "7d" | "30d", AmbiguityRate>>;
  unresolved: number;
  open_minor: number;
  machines: MachineAmbiguity[];
  unknown: OpenUnknown[];
};

export type SettlementShare = { in_time: number; late: number; missed: number };
export type SettlementReport = {
  objective_s: number;
  slot_s: number;
  windows: Readonly<Record<"today" | "7d" | "30d", SettlementShare>>;
  worst: (SettlementShare & { slot_at: string })[];
};
/** An order that did not meet the settlement objective. */
export type Miss = {
  order_id: string;
  reference: string;
  machine_id: string;
  machine_number: string;
  total_minor: number;
  currency: string;
  state: string;
  paid_at: string;
  outcome_at: string | null;
  settled_at: string | null;
  is_unreachable: boolean;
  verdict: "late" | "missed";
  slot_at: string;
};

export type ReconClass =
  | "long" | "short" | "amount" | "status" | "refund_long" | "refund_short" | "fee" | "dup" | "timing" | "vend" | "fund";
/** One day of one account at a platform. */
export type ReconDay = {
  channel: string;
  account: string;
  day: string;
  state: "open" | "closed";
  currency: string;
  runs: number;
  bill_rows: number;
  ok_rows: number;
  paid_minor: number;
  refunded_minor: number;
  fee_minor: number;
  closing_minor: number | null;
  unexplained: number;
  classes: Readonly<Partial<Record<ReconClass, { count: number; open: number; minor: number }>>>;
};
/** One difference between a bill and our books; an amount is null on the side that has none. */
export type ReconItem = {
  id: string;
  cls: ReconClass;
  fix: "nothing" | "wait" | "look_up_payment" | "look_up_refund" | "suspense" | "report" | "review";
  state: "open" | "explained" | "fixed";
  bill_row: number;
  bill_at: string | null;
  bill_minor: number | null;
  fee_minor: number | null;
  our_at: string | null;
  our_minor: number | null;
  currency: string;
  payment_number: string;
  transaction_id: string;
  refund_number: string;
  order_id: string;
  found_at: string;
  ended_at: string | null;
  ended_by_name: string;
  reason: string;
};

/** The value of a setting as it is sent; null takes it away. */
export type Setting = string | boolean | readonly string[] | null;

export type SettingField = {
  name: string; form: "line" | "text" | "flag" | "choice" | "list" | "texts";
  is_secret: boolean; is_shown: boolean; is_required: boolean; choices: readonly string[];
};

/** What tells one key from another: a certificate's serial, a public key's hash, or a secret's mark. */
export type KeyMark = { kind: "certificate" | "key" | "secret"; text: string; until: string | null };

export type PaymentAccount = {
  account: string; is_active: boolean; off_since: string | null; away_since: string | null;
  changed_at: string | null; changed_by_name: string;
  settings: Readonly<Record<string, string | boolean | readonly string[]>>;
  marks: Readonly<Record<string, readonly KeyMark[]>>;
};

export type WayToPay = { channel: string; fields: readonly SettingField[]; account: PaymentAccount | null; machines_off: number };
export type Tried = { state: "reachable" | "keys_refused" | "not_reachable"; detail: string };
export type MachineChannel = { channel: string; is_active: boolean; is_away: boolean; is_offered: boolean };
