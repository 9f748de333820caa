/** The shapes in which the cloud gives what needs attention. Amounts are minor units an hour. */

export type Fix =
  | "reopen_slot"
  | "unlock_slot"
  | "release_refund"
  | "refund_again"
  | "clear"
  | "open_order"
  | "open_machine"
  | "open_machines"
  | "open_ways"
  | "open_claims"
  | "open_reconciliation";

export type Cause = {
  key: string;
  kind: string;
  severity: "critical" | "warning";
  /** Of its alarm: raised or acknowledged; empty when rows say it without an alarm. */
  state: string;
  machine_id: string;
  machine_number: string;
  machine_name_zh: string;
  machine_name_en: string;
  slot: string;
  since: string | null;
  detail: string;
  count: number;
  /** What else is wrong there and is not told apart. */
  folded: number;
  alarm_ids: string[];
  order_id: string;
  refund_id: string;
  fix: Fix;
  loss_minor_per_hour: number;
  share_ppm: number;
  /** How the loss is known: from the machine's own weeks, the merchant's other machines, or a price. */
  basis: "" | "own" | "merchant" | "price";
};

/** `data` are the first of `count` causes, the dearest first; the loss is that of all of them. */
export type AttentionList = { data: Cause[]; count: number; loss_minor_per_hour: number; currency: string };
