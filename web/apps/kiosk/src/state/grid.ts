/** How the product grid is cut: columns, rows seen at once, categories when there is more than one screenful. Pure. */
import type { Product } from "@vendomat/api";
import type { Layout } from "./layout";

/** Three by four: what a portrait panel shows without scrolling. */
export const ONE_SCREEN = 12;

export function columnsOf(layout: Layout, isLarge: boolean): number {
  if (isLarge) return layout === "landscape" ? 2 : 1;
  if (layout === "narrow") return 2;
  return layout === "landscape" ? 4 : 3;
}

/** Rows that share the height; more products scroll. */
export function rowsOf(products: number, columns: number, layout: Layout, isLower: boolean): number {
  const most = layout === "landscape" || isLower ? 3 : 4;
  const least = layout === "landscape" ? 2 : 3;
  return Math.min(most, Math.max(least, Math.ceil(products / columns)));
}

/** Category codes in the order of the slots; none when everything fits one screen or there is only one category. */
export function categoriesOf(products: readonly Product[]): string[] {
  if (products.length <= ONE_SCREEN) return [];
  const categories = [...new Set(products.map((product) => product.category))].filter((category) => category !== "");
  return categories.length > 1 ? categories : [];
}
