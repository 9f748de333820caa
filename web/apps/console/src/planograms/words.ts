/** Tones of what a machine's screen shows, and of a change. */
import type { Tone } from "@vendomat/ui";
import type { ChangeKind, MachinePlan } from "../api/goodsViews";

const CHANGE_TONES: Readonly<Record<ChangeKind, Tone>> = { added: "ok", removed: "off", swapped: "warn", changed: "accent" };

export function shownTone(machine: MachinePlan): Tone {
  if (machine.shown === "as_wanted") return "ok";
  return machine.shown === "older" ? "warn" : "off";
}

export function changeTone(kind: ChangeKind): Tone {
  return CHANGE_TONES[kind];
}
