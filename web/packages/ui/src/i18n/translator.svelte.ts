/**
 * The one translation function of a page. The language is reactive state: changing it redraws texts and nothing else,
 * so a cart or a half-typed code survives the switch.
 */
import { formatEstimate, formatMoney } from "../money";
import { type Locale, pickText, type Text } from "./locale";
import { formatMessage, type Values } from "./message";

export type Catalogue<Key extends string> = Readonly<Record<Key, string>>;

export class Translator<Key extends string> {
  #catalogues: Readonly<Record<Locale, Catalogue<Key>>>;
  locale: Locale = $state("zh-CN");

  constructor(catalogues: Readonly<Record<Locale, Catalogue<Key>>>, locale: Locale = "zh-CN") {
    this.#catalogues = catalogues;
    this.locale = locale;
  }

  /** The message `key` in the present language, its places filled. */
  t = (key: Key, values: Values = {}): string => formatMessage(this.#catalogues[this.locale][key], values, this.locale);

  /** The message for a code that came from outside, or `fallback` when the catalogue does not know it. */
  forCode = (prefix: string, code: string, fallback: Key): string => {
    const key = `${prefix}.${code}`;
    return this.t(this.has(key) ? key : fallback);
  };

  has = (key: string): key is Key => Object.hasOwn(this.#catalogues[this.locale], key);

  /** The present language's side of a text that came as data. */
  pick = (text: Text): string => pickText(text, this.locale);

  money = (minor: number, currency: string): string => formatMoney(minor, currency, this.locale);

  /** An amount that nobody counted, with no more digits than it deserves. */
  estimate = (minor: number, currency: string): string => formatEstimate(minor, currency, this.locale);
}
