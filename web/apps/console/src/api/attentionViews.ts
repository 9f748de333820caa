/** What the console calls the shapes of what needs attention: aliases of types made from the API's document. */
import type { Schemas } from "@vendomat/api";

export type Fix = Schemas["Remedy"];
export type Cause = Schemas["CauseView"];
/** `data` are the first of `count` causes, the dearest first; the loss is that of all of them. */
export type AttentionList = Schemas["AttentionView"];
