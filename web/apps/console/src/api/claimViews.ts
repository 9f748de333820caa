/** The shapes in which the cloud gives buyers' claims. Amounts are minor units, times RFC 3339 UTC. */

export type ClaimState = "opened" | "reopened" | "granted" | "declined" | "refused";
export type Records = "came_out" | "partly" | "nothing" | "not_known" | "paid_twice";

export type ClaimWord = { what: string; units: number[]; text: string; at: string };

export type Claim = {
  order_id: string;
  reference: string;
  machine_id: string;
  machine_number: string;
  state: ClaimState;
  opened_at: string;
  /** When it was opened, or opened again. */
  since: string;
  total_minor: number;
  returned_minor: number;
  returning_minor: number;
  currency: string;
  units: number;
  units_delivered: number;
  records: Records;
  /** How many claims its machine and its payer made within 30 days; null: it is not known who paid. */
  machine_claims: number;
  payer_claims: number | null;
  words: ClaimWord[];
  refund_id: string;
  decided_by: string;
  decided_at: string | null;
  reason: string;
};
