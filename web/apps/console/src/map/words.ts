/** How a site on a map is said. */
import type { MappedSite } from "../api/mapViews";
import { t } from "../i18n";
import { standingOf } from "./pins";

/** `3 machines · 1 offline · 2 open alarms`. */
export function factsOf(site: MappedSite): string {
  if (site.machines === 0) return t("map.standing_empty");
  const facts = [t("map.machines", { count: site.machines })];
  if (site.offline > 0) facts.push(t("map.offline", { count: site.offline }));
  if (site.open_alarms > 0) facts.push(t("map.alarms", { count: site.open_alarms }));
  if (site.offline + site.open_alarms === 0) facts.push(t(site.attention > 0 ? "map.standing_attention" : "map.standing_online"));
  return facts.join(" · ");
}

/** What a screen reader says of a pin. */
export function siteWord(site: MappedSite): string {
  return t("map.pin", { name: site.name, standing: t(`map.standing_${standingOf(site)}`), facts: factsOf(site) });
}
