/** Shapes of the fixture's pictures, for the tests. */
import type { OrderLine, Sale, Snapshot } from "@vendomat/api";

export function browse(count?: number): Omit<Snapshot, "revision">;
export function sale(lines: OrderLine[], changes?: Partial<Sale>): Sale;
export function scene(name: string): Omit<Snapshot, "revision">;
export const QR: string;
export const sceneNames: string[];
