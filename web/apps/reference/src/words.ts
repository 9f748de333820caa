/** Codes of the document in the reader's words. */
import type { Tone } from "@vendomat/ui";
import { i18n, t } from "./i18n";

/** An area by its name; one that is not known goes by the document's own. */
export function areaWord(name: string): string {
  const key = `area.${name.replaceAll(" ", "_")}`;
  return i18n.has(key) ? t(key) : name;
}

/** Where an area begins in the page. */
export function areaId(name: string): string {
  return name.replaceAll(" ", "-");
}

export function schemeWord(scheme: string): string {
  return scheme === "" ? t("scheme.open") : i18n.forCode("scheme", scheme, "scheme.other");
}

export function placeWord(place: string): string {
  return i18n.forCode("place", place, "place.other");
}

const TONES: Readonly<Record<string, Tone>> = { GET: "off", DELETE: "crit" };

/** Looking is quiet, throwing away is loud. */
export function methodTone(method: string): Tone {
  return TONES[method] ?? "accent";
}
