/** Terms and files of a site. Pure but for the browser's own hash. */
import { decimalText, minorOf } from "@vendomat/ui";
import type { Arrangement } from "../api/statementViews";

/** "12.5" percent as basis points; undefined for what is no percentage. */
export function basisPointsOf(text: string): number | undefined {
  const points = minorOf(text, 2);
  return points === undefined || points > 10_000 ? undefined : points;
}

/** 1250 → "12.5". */
export function percentText(basisPoints: number): string {
  return decimalText(basisPoints, 2).replace(/\.?0+$/, "");
}

export type Stay = { machineId: string; from: string; isHere: boolean };

/** Where each machine of a site stands by its newest word up to `today`, and what is said for later. */
export function newestStays(stays: Arrangement["stays"], today: string): Stay[] {
  const found = new Map<string, Stay>();
  for (const one of [...stays].sort((a, b) => a.first_day.localeCompare(b.first_day))) {
    const stay = { machineId: one.machine_id, from: one.first_day, isHere: one.is_here };
    if (one.first_day <= today || !found.has(one.machine_id)) found.set(one.machine_id, stay);
  }
  return [...found.values()].filter((stay) => stay.isHere);
}

/** The SHA-256 of a file as 64 hexadecimal digits. */
export async function sha256Of(content: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
