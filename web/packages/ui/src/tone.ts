/** The meanings a colour may have. A tone never speaks alone: shape and word go with it. */
export type Tone = "ok" | "warn" | "crit" | "off" | "accent";
