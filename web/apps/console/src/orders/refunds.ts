/** What a person can do about a refund. Pure. */
import type { Refund } from "../api/views";

/** Let a held one go; ask again for one that was given up, unless another of its payment carries the money. */
export function refundMove(refund: Refund, refunds: readonly Refund[]): "again" | "release" | undefined {
  if (refund.state === "held") return "release";
  if (refund.state !== "failed") return undefined;
  const others = refunds.filter((other) => other.payment_id === refund.payment_id && other.id !== refund.id);
  const isReplaced = others.some((other) => other.ordinal > refund.ordinal || other.state !== "failed");
  return isReplaced ? undefined : "again";
}
