/** What a sale comes to by a way to pay. Pure. */
import type { Sale } from "@vendomat/api";

export function saleMinor(sale: Pick<Sale, "total_minor" | "ways">, channel: string = ""): number {
  return sale.ways[channel] ?? sale.total_minor;
}

/** Whether it matters which way is chosen. */
export function doWaysDiffer(sale: Pick<Sale, "ways">): boolean {
  return Object.keys(sale.ways).length > 0;
}
