/**
 * When the screen goes back to its start: 60 s without a touch, then a warning of 20 s. The machine's own countdown
 * (while an order is open) counts too; the nearer end wins. Pure.
 */

export const QUIET_MS = 60_000;
export const WARNING_MS = 20_000;

export type IdleState = { leftMs: number; isWarning: boolean; isOver: boolean; byMachine: boolean };

/** `sinceTouchMs` null: the page itself does not count (a sale is under way, or nobody is here). */
export function idleState(sinceTouchMs: number | null, machineLeftMs: number | null): IdleState {
  const pageLeft = sinceTouchMs === null ? Number.POSITIVE_INFINITY : QUIET_MS + WARNING_MS - sinceTouchMs;
  const machineLeft = machineLeftMs ?? Number.POSITIVE_INFINITY;
  const leftMs = Math.max(0, Math.min(pageLeft, machineLeft));
  return {
    leftMs,
    isWarning: leftMs <= WARNING_MS,
    isOver: pageLeft <= 0,
    byMachine: machineLeft < pageLeft,
  };
}
