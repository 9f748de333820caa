/** Types and clients of the machine's and the cloud's interfaces: the one door for every app. */
export {
  type Answer,
  type ClientWorld,
  KioskClient,
  type OrderLine,
  type OrderRequest,
  type Problem,
} from "./kioskClient";
export type { Schemas } from "./cloud";
export type * from "./snapshot";
export {
  type EventStream,
  type LinkState,
  retryDelayMs,
  SnapshotStream,
  type StreamListener,
  type StreamWorld,
} from "./snapshotStream";
