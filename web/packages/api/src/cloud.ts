/** The cloud's shapes, made from its OpenAPI document: `Schemas["OrderView"]`, `Schemas["Problem"]`. */
import type { components } from "./schema";

export type Schemas = components["schemas"];
