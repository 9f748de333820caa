/** What a reader chose on this device: language, theme, single keys. Kept in the browser; a broken memory is forgotten. */
import type { Locale } from "@vendomat/ui";
import { LOCALES } from "@vendomat/ui";
import { i18n } from "../i18n";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "vendomat.console";

type Kept = { locale?: unknown; theme?: unknown; hasSingleKeys?: unknown };

function kept(): Kept {
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? "{}") ?? {}) as Kept;
  } catch {
    return {};
  }
}

export class Preferences {
  theme: Theme = $state("auto");
  hasSingleKeys = $state(true);

  constructor() {
    const known = kept();
    const ownLocale: Locale = navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
    i18n.locale = LOCALES.find((locale) => locale === known.locale) ?? ownLocale;
    this.theme = THEMES.find((theme) => theme === known.theme) ?? "auto";
    this.hasSingleKeys = known.hasSingleKeys !== false;
    this.#apply();
  }

  setLocale = (locale: Locale): void => {
    i18n.locale = locale;
    this.#keep();
  };

  setTheme = (theme: Theme): void => {
    this.theme = theme;
    this.#keep();
  };

  setSingleKeys = (isOn: boolean): void => {
    this.hasSingleKeys = isOn;
    this.#keep();
  };

  #keep(): void {
    const chosen = { locale: i18n.locale, theme: this.theme, hasSingleKeys: this.hasSingleKeys };
    try {
      localStorage.setItem(KEY, JSON.stringify(chosen));
    } catch {
      // A browser that keeps nothing still shows what was chosen until it is closed.
    }
    this.#apply();
  }

  #apply(): void {
    const root = document.documentElement;
    root.lang = i18n.locale;
    if (this.theme === "auto") delete root.dataset["theme"];
    else root.dataset["theme"] = this.theme;
  }
}
