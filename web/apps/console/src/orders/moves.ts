/** What a person does about an order's money, as it is asked of the cloud. Pure. */
import type { Card, Gift, HandWay, MoneyMove } from "../api/views";
import type { RefundMove, VerdictMove } from "./refunds";

export type MoneyMoveKind = RefundMove | VerdictMove | ClaimMove | "ask" | "give";
/** A claim is granted where it stands; the dialog is the same. */
export type ClaimMove = "grant" | "grant_as_is";

const PLACES: Readonly<Record<Exclude<MoneyMoveKind, ClaimMove>, (subject: string) => string>> = {
  ask: () => "refund",
  give: () => "goodwill",
  again: (refund) => `refunds/${refund}/again`,
  by_hand: (refund) => `refunds/${refund}/by-hand`,
  to_card: (refund) => `refunds/${refund}/onward`,
  to_us: (refund) => `refunds/${refund}/onward`,
  release: (refund) => `refunds/${refund}/release`,
  approve: (refund) => `refunds/${refund}/release`,
  decline: (refund) => `refunds/${refund}/decline`,
  give_back: (payment) => `payments/${payment}/verdict`,
  keep: (payment) => `payments/${payment}/verdict`,
  agree_give: (payment) => `payments/${payment}/verdict/agree`,
  agree_keep: (payment) => `payments/${payment}/verdict/agree`,
  reopen: (payment) => `payments/${payment}/verdict/decline`,
};

const VERDICTS: Partial<Record<MoneyMoveKind, MoneyMove["verdict"]>> = {
  give_back: "give_back", agree_give: "give_back", keep: "goods_by_hand", agree_keep: "goods_by_hand",
};

/** The place below the order where a move is asked for. */
export function movePath(kind: Exclude<MoneyMoveKind, ClaimMove>, subject: string): string {
  return PLACES[kind](subject);
}

/** What goes with a move beside its reason. */
export function moveBody(
  kind: MoneyMoveKind, most: Gift | undefined, minor: number | undefined, slip: { way: HandWay; reference: string },
  card?: Card,
): Omit<MoneyMove, "reason"> {
  const amount = minor === undefined ? {} : { amount_minor: minor };
  if (kind === "to_card" && card !== undefined) return { card };
  if (kind === "by_hand") return { ...amount, ...slip };
  if (most !== undefined) return { ...amount, ordinal: most.ordinal };
  const verdict = VERDICTS[kind];
  return verdict === undefined ? {} : { verdict };
}
