/** What the cloud says of a member who leaves. Amounts are minor units. */
import type { HandWay } from "./views";

/** A member leaves: by which top-ups the rest would go back now, how much by hand, and the pay-outs so far. */
export type PayoutOutlook = {
  balance_minor: number;
  is_blocked: boolean;
  parts: { order_id: string; channel: string; amount_minor: number }[];
  by_hand_minor: number;
  payouts: WalletPayout[];
};
export type WalletPayout = {
  id: string;
  amount_minor: number;
  by_hand_minor: number;
  currency: string;
  state: "asked" | "done" | "declined";
  hand_way: "" | HandWay;
  hand_reference: string;
  reason: string;
  asked_by: string;
  asked_at: string;
  decided_by: string;
  decided_at: string | null;
};
export type PayoutWish = { amount_minor: number; way: "" | HandWay; reference: string; reason: string };
