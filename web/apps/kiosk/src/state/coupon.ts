/** A coupon as it is typed: 4 to 16 letters and digits. Pure. */

const LETTERS_MIN = 4;
const LETTERS_MAX = 16;

export function addLetter(coupon: string, letter: string): string {
  return coupon.length < LETTERS_MAX ? coupon + letter : coupon;
}

export function isCoupon(coupon: string): boolean {
  return coupon.length >= LETTERS_MIN;
}

/** In groups of four, as it is printed. */
export function couponText(coupon: string): string {
  return coupon.replace(/(.{4})(?=.)/g, "$1 ");
}
