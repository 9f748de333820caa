/** What the cloud says of statements and of site owners. Amounts are minor units of the currency beside them. */

export type Standing = "running" | "provisional" | "closed";
export type Periods = { time_zone: string; currency: string; today: string; first_day: string | null };
export type AccountLine = {
  account: string;
  group: string;
  currency: string;
  opening_minor: number;
  payments_minor: number;
  refunds_minor: number;
  fees_minor: number;
  payouts_minor: number;
  other_minor: number;
  closing_minor: number;
  lines: number;
};
export type Figures = {
  currency: string;
  income_minor: number;
  refunds_minor: number;
  fees_minor: number;
  goodwill_minor: number;
  sensor_fault_minor: number;
  gifts_minor: number;
  site_rent_minor: number;
  other_expense_minor: number;
  ambiguous_minor: number;
  result_minor: number;
};
export type SalesLine = {
  id: string;
  name: string;
  name_en: string;
  currency: string;
  units: number;
  sold_minor: number;
  gifts_minor: number;
  late_minor: number;
  goodwill_minor: number;
  other_minor: number;
};
/** A day or a month of the merchant's books. */
export type Statement = {
  period: string;
  is_month: boolean;
  merchant: string;
  time_zone: string;
  standing: Standing;
  days: { day: string; standing: Standing; open_accounts: string[] }[];
  accounts: AccountLine[];
  figures: Figures[];
  daily: (Figures & { day: string })[];
  machines: SalesLine[];
  products: SalesLine[];
};
export type StatementRow = {
  at: string;
  transaction: string;
  line: number;
  kind: string;
  account: string;
  amount_minor: number;
  currency: string;
  order_id: string;
};

export type Site = { id: string; name: string; owner: string; machines: number; owed_minor: number };
export type Terms = {
  steps: { from_minor: number; basis_points: number }[];
  per_unit_minor: number;
  fixed_minor: number;
  minimum_minor: number;
};
export type Arrangement = {
  id: string;
  name: string;
  owner: string;
  stays: { machine_id: string; first_day: string; is_here: boolean }[];
  rules: (Terms & { first_day: string })[];
};
export type IssuedStatement = { position: number; month: string; currency: string; total_minor: number; link: string; issued_at: string };
export type Payout = { id: string; reference: string; currency: string; amount_minor: number; paid_on: string };
export type SiteAccount = {
  currency: string;
  owed_minor: number;
  next_month: string | null;
  statements: IssuedStatement[];
  payouts: Payout[];
};
export type SiteStatement = {
  state: "preview" | "issued";
  month: string;
  currency: string;
  position: number;
  content_sha256: string;
  link: string;
  lines: { kind: "share" | "units" | "fixed" | "minimum"; first: string; last: string; base_minor: number; units: number; amount_minor: number; terms: string }[];
  corrections: { month: string; amount_minor: number; reason: string }[];
  machines: { machine_id: string; number: string; units: number; net_minor: number; share_minor: number }[];
  days_not_closed: string[];
  total_minor: number;
};
export type Verified = {
  site_id: string;
  site: string;
  position: number;
  month: string;
  form: string;
  is_intact: boolean;
  broken_at: number | null;
};
