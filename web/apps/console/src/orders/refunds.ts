/** What a person can do about a refund. Pure. */
import type { OrderDetail, Refund } from "../api/views";

/** Paid, not over yet, and nobody has asked for its money so far: asking again would change nothing. */
export function mayAskBack(order: Pick<OrderDetail, "state" | "refunds" | "timeline">): boolean {
  const isOpen = order.state === "paid" || order.state === "dispensing";
  return isOpen && order.refunds.length === 0 && !order.timeline.some((entry) => entry.kind === "refund.asked");
}

/** Let a held one go; ask again for one that was given up, unless another of its payment carries the money. */
export function refundMove(refund: Refund, refunds: readonly Refund[]): "again" | "release" | undefined {
  if (refund.state === "held") return "release";
  if (refund.state !== "failed") return undefined;
  const others = refunds.filter((other) => other.payment_id === refund.payment_id && other.id !== refund.id);
  const isReplaced = others.some((other) => other.ordinal > refund.ordinal || other.state !== "failed");
  return isReplaced ? undefined : "again";
}
