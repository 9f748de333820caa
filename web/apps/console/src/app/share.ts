/** Shares and rates as people read them. Pure. */

/** `part` of `whole` as per cent; without a whole there is no rate. Never rounds a fault away: 99.97 stays below 100. */
export function share(part: number, whole: number, locale: string): string | undefined {
  if (whole <= 0) return undefined;
  const hundredths = Math.floor((part * 10_000) / whole);
  const text = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 0, maximumFractionDigits: 2 });
  return text.format(hundredths / 10_000);
}

/** As `share`, rounded up: a rate of faults is never shown smaller than it is. */
export function faultRate(part: number, whole: number, locale: string): string | undefined {
  if (whole <= 0) return undefined;
  const hundredths = Math.ceil((part * 10_000) / whole);
  const text = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 0, maximumFractionDigits: 2 });
  return text.format(hundredths / 10_000);
}

/** A whole number as the language writes it: 5,000. */
export function counted(count: number, locale: string): string {
  return new Intl.NumberFormat(locale).format(count);
}
