/** The languages of the pages, and the choice between the two texts a product carries. */

export const LOCALES = ["zh-CN", "en"] as const;
export type Locale = (typeof LOCALES)[number];

/** A text that arrives as data, in both languages. */
export type Text = { zh: string; en: string };

/** The text in the wanted language, or the other one when it is missing: a name in a wrong language beats no name. */
export function pickText(text: Text, locale: Locale): string {
  return locale === "en" ? text.en || text.zh : text.zh || text.en;
}

export function otherLocale(locale: Locale): Locale {
  return locale === "en" ? "zh-CN" : "en";
}
