/** What the cloud says of sales. Amounts are minor units; days and hours are the merchant's own, without a zone. */
import type { Schemas } from "@vendomat/api";

export type By = "hour" | "day" | "month" | "machine" | "product" | "site" | "channel" | "slot";
export type Amounts = {
  units_sold: number;
  units_failed: number;
  units_unknown: number;
  units_lost: number;
  gross_minor: number;
  refunded_minor: number;
  success: number | null;
};
export type SalesRow = Amounts & { at: string | null; key: string; name: string; name_en: string; currency: string; units: string };
export type SalesFigures = {
  by: By;
  first: string;
  last: string;
  time_zone: string;
  currency: string;
  source: "sums" | "detail";
  rows: SalesRow[];
  totals: (Amounts & { currency: string })[];
  formulas: Record<string, string>;
  read_at: string;
};
export type SoldUnit = {
  order_id: string;
  reference: string;
  unit: number;
  at: string;
  machine_id: string;
  machine_number: string;
  slot: string;
  product_id: string;
  name_zh: string;
  name_en: string;
  channel: string;
  price_minor: number;
  currency: string;
  outcome: string;
  finding: string;
  order_refunded_minor: number;
};
export type Band = {
  day: string;
  time_zone: string;
  currency: string;
  measure: "units" | "gross";
  hours: { hour: number; now: number | null; low: number | null; median: number | null; high: number | null }[];
  usual_days: string[];
  sold_so_far: number;
  so_far: [number, number, number] | null;
  formulas: Record<string, string>;
};
export type RefundTimes = { refunds: number; median_s: number | null; p95_s: number | null; formulas: Record<string, string> };
export type Formula = { id: string; figure: string; en: string; zh: string };

export type ClosedLine = Schemas["ClosedLineView"];
export type Months = Schemas["MonthsView"];
export type ClosedMonth = Schemas["ClosedMonthView"];
export type ProductRanking = Schemas["ProductRankingView"];
export type RankedProduct = Schemas["RankedProductView"];
