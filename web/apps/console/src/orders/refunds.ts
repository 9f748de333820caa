/** What a person can do about a refund. Pure. */
import type { Gift, OrderDetail, Payment, Refund } from "../api/views";

/** Paid, not over yet, and nobody has asked for its money so far: asking again would change nothing. */
export function mayAskBack(order: Pick<OrderDetail, "state" | "refunds" | "timeline">): boolean {
  const isOpen = order.state === "paid" || order.state === "dispensing";
  return isOpen && order.refunds.length === 0 && !order.timeline.some((entry) => entry.kind === "refund.asked");
}

/** How the error of a refund begins that left the merchant and reached nobody. */
const STRANDED = "abnormal";

/** Another person's wish comes first; one's own waits, and may be changed. */
function onwardMoves(refund: Refund, me: string): RefundMove[] {
  if (refund.send_asked_by === "" || refund.send_asked_by === me) return ["to_card", "to_us"];
  return [refund.send_to === "merchant" ? "to_us" : "to_card"];
}

export type RefundMove = "again" | "by_hand" | "to_card" | "to_us" | "release" | "approve" | "decline";
export type VerdictMove = "give_back" | "keep" | "agree_give" | "agree_keep" | "reopen";

/**
 * Let a held one go, and what another person gives or pays by hand or not; ask again for one that was given up, or pay
 * it by hand, unless another of its payment carries the money. One that reached nobody can be sent on instead.
 */
export function refundMoves(refund: Refund, refunds: readonly Refund[], me: string): RefundMove[] {
  const giver = refund.asked_by || refund.recorded_by;
  if (giver !== "" && (refund.state === "held" || refund.asked_by !== "")) {
    if (refund.state !== "held") return [];
    return giver === me ? ["decline"] : ["approve", "decline"];
  }
  if (refund.state === "held") return ["release"];
  if (refund.state !== "failed") return [];
  const others = refunds.filter((other) => other.payment_id === refund.payment_id && other.id !== refund.id && other.asked_by === "");
  const isReplaced = others.some((other) => other.ordinal > refund.ordinal || other.state !== "failed");
  if (isReplaced) return [];
  if (refund.came_back !== "") return ["by_hand"];
  return refund.error.startsWith(STRANDED) && refund.hand_way === "" ? [...onwardMoves(refund, me), "by_hand"] : ["again", "by_hand"];
}

/** What a person can decide about money that did not fit its order; above the limit a second one has to agree. */
export function verdictMoves(payment: Payment, me: string): VerdictMove[] {
  if (!payment.is_frozen || payment.captured_minor === 0) return [];
  if (payment.verdict === "none") return ["give_back", "keep"];
  if (payment.verdict !== "give_asked" && payment.verdict !== "keep_asked") return [];
  if (payment.verdict_by === me) return ["reopen"];
  return [payment.verdict === "give_asked" ? "agree_give" : "agree_keep", "reopen"];
}

/** The most that may be given back of a sale that is over although nothing is owed, and that gift's place. */
export function mostToGive(order: Pick<OrderDetail, "state" | "payments" | "refunds">): Gift | undefined {
  const winning = order.payments.find((payment) => payment.is_winning);
  if (order.state !== "settled" || winning === undefined || winning.channel === "code") return undefined;
  const refunds = order.refunds.filter((refund) => refund.payment_id === winning.id);
  if (refunds.some((refund) => refund.state !== "succeeded" && refund.state !== "failed")) return undefined;
  const back = refunds.filter((refund) => refund.state === "succeeded").reduce((sum, refund) => sum + refund.amount_minor, 0);
  const left = winning.captured_minor - back;
  return left > 0 ? { amount_minor: left, ordinal: refunds.length + 1 } : undefined;
}
