/** A day and an item in words and tones. */
import type { Tone } from "@vendomat/ui";
import type { ReconDay, ReconItem } from "../api/views";

export type DayState = "open" | "closed" | "waiting";

/** A day that was never run waits for its bill: there is nothing to look at yet. */
export function dayState(day: ReconDay): DayState {
  return day.state === "open" && day.runs === 0 ? "waiting" : day.state;
}

export function dayTone(day: ReconDay): Tone {
  if (day.state === "closed") return "ok";
  return day.unexplained > 0 ? "warn" : "off";
}

export function itemTone(item: ReconItem): Tone {
  if (item.state !== "open") return "ok";
  return item.fix === "wait" || item.fix.startsWith("look_up") ? "off" : "warn";
}

/** How a day is named in an address. */
export function placeOf(day: ReconDay): string {
  return `${day.channel}/${day.account}/${day.day}`;
}
