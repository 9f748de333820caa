/**
 * The one money formatter: integer minor units and an ISO 4217 code in, text for a person out.
 *
 * The amount never becomes a floating-point number: the decimal point is placed in the text of the integer, and the
 * browser's own locale data does the rest. Refuses fractions of a minor unit.
 */
import type { Locale } from "./i18n/locale";

/** ISO 4217 exponents that differ from two. */
const EXPONENTS: Readonly<Record<string, number>> = {
  BHD: 3, BIF: 0, CLP: 0, DJF: 0, GNF: 0, IQD: 3, ISK: 0, JOD: 3, JPY: 0, KMF: 0, KRW: 0, KWD: 3, LYD: 3, OMR: 3,
  PYG: 0, RWF: 0, TND: 3, UGX: 0, VND: 0, VUV: 0, XAF: 0, XOF: 0, XPF: 0,
};

const formatters = new Map<string, Intl.NumberFormat>();

export function exponentOf(currency: string): number {
  return EXPONENTS[currency] ?? 2;
}

/** The exact decimal text of an amount: 550, 2 → "5.50"; -5, 2 → "-0.05". */
export function decimalText(minor: number, exponent: number): string {
  if (!Number.isSafeInteger(minor)) throw new RangeError(`an amount is an integer of minor units, not ${minor}`);
  const digits = Math.abs(minor).toString().padStart(exponent + 1, "0");
  const sign = minor < 0 ? "-" : "";
  if (exponent === 0) return sign + digits;
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/** What a person typed as an amount: "5.5", 2 → 550. Undefined when it is none, negative, or has too many decimals. */
export function minorOf(text: string, exponent: number): number | undefined {
  const found = /^(\d{1,12})(?:[.,](\d*))?$/.exec(text.trim());
  const decimals = found?.[2] ?? "";
  if (found === null || decimals.length > exponent) return undefined;
  return Number(`${found[1]}${decimals.padEnd(exponent, "0")}`);
}

/** 550, "CNY", "en" → "¥5.50". Raises RangeError for a fraction of a minor unit or an unknown form of currency code. */
export function formatMoney(minor: number, currency: string, locale: Locale): string {
  const exponent = exponentOf(currency);
  return formatterOf(currency, locale, exponent).format(decimalText(minor, exponent) as Intl.StringNumericLiteral);
}

/** An amount that nobody counted, to two digits: 123456 → "¥1,200", 327 → "¥3.30". */
export function formatEstimate(minor: number, currency: string, locale: Locale): string {
  const exponent = exponentOf(currency);
  const rounded = Number(minor.toPrecision(2));
  const isWhole = Math.abs(rounded) >= 10 ** (exponent + 1);
  return formatterOf(currency, locale, isWhole ? 0 : exponent).format(decimalText(rounded, exponent) as Intl.StringNumericLiteral);
}

function formatterOf(currency: string, locale: Locale, decimals: number): Intl.NumberFormat {
  const key = `${locale}|${currency}|${decimals}`;
  let formatter = formatters.get(key);
  if (formatter === undefined) {
    formatter = new Intl.NumberFormat(locale, {
      style: "currency",
      currency,
      currencyDisplay: "narrowSymbol",
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    formatters.set(key, formatter);
  }
  return formatter;
}
