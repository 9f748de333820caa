/** The cart: which slots, how many of each. Pure; a cart is never changed, only replaced. Prices stay with the products. */
import type { OrderLine, Product } from "@vendomat/api";

export type CartLine = { slot: string; quantity: number };
export type Cart = readonly CartLine[];

export function unitCount(cart: Cart): number {
  return cart.reduce((sum, line) => sum + line.quantity, 0);
}

export function quantityOf(cart: Cart, slot: string): number {
  return cart.find((line) => line.slot === slot)?.quantity ?? 0;
}

/** How many of this product may be sold now. */
export function sellable(product: Product | undefined): number {
  return product !== undefined && product.state === "ok" ? Math.max(0, product.available) : 0;
}

export type AddAnswer = { kind: "added"; cart: Cart } | { kind: "cart_full" } | { kind: "no_more" };

/** One more of `product`, unless the cart is full or the slot has no more. */
export function addOne(cart: Cart, product: Product, unitsMax: number): AddAnswer {
  const quantity = quantityOf(cart, product.slot);
  if (quantity >= sellable(product)) return { kind: "no_more" };
  if (unitCount(cart) >= unitsMax) return { kind: "cart_full" };
  if (quantity === 0) return { kind: "added", cart: [...cart, { slot: product.slot, quantity: 1 }] };
  return { kind: "added", cart: withQuantity(cart, product.slot, quantity + 1) };
}

export function removeOne(cart: Cart, slot: string): Cart {
  return withQuantity(cart, slot, quantityOf(cart, slot) - 1);
}

function withQuantity(cart: Cart, slot: string, quantity: number): Cart {
  if (quantity <= 0) return cart.filter((line) => line.slot !== slot);
  return cart.map((line) => (line.slot === slot ? { slot, quantity } : line));
}

/** The cart as far as the machine can still serve it, and whether something had to go. */
export function fitCart(cart: Cart, products: readonly Product[]): { cart: Cart; isReduced: boolean } {
  let isReduced = false;
  const fitted: CartLine[] = [];
  for (const line of cart) {
    const most = sellable(products.find((product) => product.slot === line.slot));
    if (line.quantity > most) isReduced = true;
    if (most > 0) fitted.push({ slot: line.slot, quantity: Math.min(line.quantity, most) });
  }
  return isReduced ? { cart: fitted, isReduced } : { cart, isReduced };
}

/** The lines of an order at the prices shown now. */
export function orderLines(cart: Cart, products: readonly Product[]): OrderLine[] {
  return cart.map((line) => {
    const product = products.find((candidate) => candidate.slot === line.slot);
    if (product === undefined) throw new RangeError(`slot ${line.slot} is not on the screen`);
    return { slot: line.slot, quantity: line.quantity, price_minor: product.price_minor };
  });
}

export function totalMinor(lines: readonly OrderLine[]): number {
  return lines.reduce((sum, line) => sum + line.quantity * line.price_minor, 0);
}
