/** What the cloud says of a member who leaves: aliases of types made from its document. */
import type { Schemas } from "@vendomat/api";

/** By which top-ups the rest would go back now, how much by hand, and the pay-outs so far. */
export type PayoutOutlook = Schemas["OutlookView"];
export type WalletPayout = Schemas["WalletPayoutView"];
export type PayoutWish = Schemas["WalletPayoutBody"];
