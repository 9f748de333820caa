/** What the console calls the shapes in which the cloud gives buyers' claims: aliases of types made from its document. */
import type { Schemas } from "@vendomat/api";

export type Claim = Schemas["ClaimView"];
export type ClaimState = Schemas["ClaimState"];
export type ClaimWord = Schemas["WordView"];
/** What the order's own records say. */
export type Records = Schemas["Says"];
