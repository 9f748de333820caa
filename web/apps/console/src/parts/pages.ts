/** Lists that are here as a whole, shown page by page. Pure. */
import type { Page } from "../api/views";

/** A part of a list that is here as a whole, as a page of it. */
export function partOf<Item>(all: readonly Item[], first: number, most: number): Page<Item> {
  const hasMore = first + most < all.length;
  return { data: all.slice(first, first + most), next_cursor: hasMore ? String(first + most) : null, has_more: hasMore };
}
