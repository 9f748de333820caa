/** What the cloud says of sites on a map: aliases of types made from its document. */
import type { Schemas } from "@vendomat/api";

export type MappedSite = Schemas["MappedSiteView"];
export type MappedMachine = Schemas["MappedMachineView"];
/** Degrees in WGS 84. */
export type Coordinates = Schemas["CoordinatesBody"];
