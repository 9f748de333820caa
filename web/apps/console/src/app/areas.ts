/** The areas of the console, in the order in which they are offered; `needs` is the right without which one is not. A phone's bar has room for a few; the others are under "More". */
import bookIcon from "lucide-static/icons/book-open.svg?raw";
import placeIcon from "lucide-static/icons/map-pin.svg?raw";
import claimIcon from "lucide-static/icons/message-square-warning.svg?raw";
import alarmIcon from "lucide-static/icons/bell.svg?raw";
import promotionIcon from "lucide-static/icons/badge-percent.svg?raw";
import doubtIcon from "lucide-static/icons/circle-question-mark.svg?raw";
import todayIcon from "lucide-static/icons/layout-dashboard.svg?raw";
import orderIcon from "lucide-static/icons/receipt-text.svg?raw";
import machineIcon from "lucide-static/icons/store.svg?raw";
import notifyIcon from "lucide-static/icons/bell-ring.svg?raw";
import codeIcon from "lucide-static/icons/ticket.svg?raw";
import memberIcon from "lucide-static/icons/users.svg?raw";
import goodsIcon from "lucide-static/icons/package.svg?raw";
import modelIcon from "lucide-static/icons/refrigerator.svg?raw";
import planIcon from "lucide-static/icons/grid-3-x-3.svg?raw";
import wayIcon from "lucide-static/icons/wallet-cards.svg?raw";
import marginIcon from "lucide-static/icons/chart-pie.svg?raw";
import rankingIcon from "lucide-static/icons/list-ordered.svg?raw";
import monthIcon from "lucide-static/icons/calendar-check.svg?raw";
import salesIcon from "lucide-static/icons/chart-column.svg?raw";
import peopleIcon from "lucide-static/icons/user-cog.svg?raw";
import auditIcon from "lucide-static/icons/scroll-text.svg?raw";
import scaleIcon from "lucide-static/icons/scale.svg?raw";
import type { MessageKey } from "../i18n";
import type { Place } from "./router.svelte";

export type Area = { page: Place["page"]; path: string; word: MessageKey; icon: string; isOnBar?: boolean; needs?: string };

export const AREAS: readonly Area[] = [
  { page: "today", path: "", word: "today.title", icon: todayIcon, isOnBar: true, needs: "fleet.read" },
  { page: "own", path: "own", word: "own.title", icon: placeIcon, isOnBar: true, needs: "own_sites.read" },
  { page: "machines", path: "machines", word: "machines.title", icon: machineIcon, isOnBar: true, needs: "fleet.read" },
  { page: "orders", path: "orders", word: "orders.title", icon: orderIcon, isOnBar: true, needs: "order.read" },
  { page: "sales", path: "sales", word: "sales.title", icon: salesIcon, needs: "statement.read" },
  { page: "ranking", path: "ranking", word: "ranking.title", icon: rankingIcon, needs: "statement.read" },
  { page: "margins", path: "margins", word: "margins.title", icon: marginIcon, needs: "statement.read" },
  { page: "alarms", path: "alarms", word: "alarms.title", icon: alarmIcon, isOnBar: true, needs: "fleet.read" },
  { page: "claims", path: "claims", word: "claims.title", icon: claimIcon, needs: "order.read" },
  { page: "doubts", path: "doubts", word: "doubts.short", icon: doubtIcon, needs: "order.read" },
  { page: "products", path: "products", word: "products.title", icon: goodsIcon, needs: "catalog.read" },
  { page: "planograms", path: "planograms", word: "plans.title", icon: planIcon, needs: "catalog.read" },
  { page: "models", path: "models", word: "models.title", icon: modelIcon, needs: "fleet.read" },
  { page: "codes", path: "codes", word: "codes.short", icon: codeIcon, needs: "code.read" },
  { page: "promotions", path: "promotions", word: "promo.list", icon: promotionIcon, needs: "catalog.read" },
  { page: "members", path: "members", word: "members.title", icon: memberIcon, needs: "member.read" },
  { page: "statements", path: "statements", word: "statement.title", icon: bookIcon, needs: "statement.read" },
  { page: "months", path: "months", word: "months.title", icon: monthIcon, needs: "statement.read" },
  { page: "sites", path: "sites", word: "site.title", icon: placeIcon, needs: "site.read" },
  { page: "reconciliation", path: "reconciliation", word: "recon.short", icon: scaleIcon, needs: "statement.read" },
  { page: "notifications", path: "notifications", word: "notify.title", icon: notifyIcon, needs: "fleet.read" },
  { page: "ways", path: "ways", word: "ways.title", icon: wayIcon, needs: "keys.read" },
  { page: "people", path: "people", word: "people.title", icon: peopleIcon, needs: "people.read" },
  { page: "audit", path: "audit", word: "audit.title", icon: auditIcon, needs: "audit.read" },
];

/** The areas that somebody with these rights is offered. */
export function areasFor(permissions: readonly string[]): readonly Area[] {
  return AREAS.filter((area) => area.needs === undefined || permissions.includes(area.needs));
}

/** Whether somebody with these rights is offered a page; where all are, such as their own account, everybody is. */
export function isOffered(place: Place, permissions: readonly string[]): boolean {
  const page = areaOf(place);
  const area = AREAS.find((one) => one.page === page);
  return area?.needs === undefined || permissions.includes(area.needs);
}

/** Where somebody begins who is offered no Today. */
export function homeFor(place: Place, permissions: readonly string[]): Place {
  if (place.page !== "today" || isOffered(place, permissions)) return place;
  return { page: areasFor(permissions)[0]?.page ?? "account" } as Place;
}

/** The area a page belongs to. */
export function areaOf(place: Place): Place["page"] {
  if (place.page === "machine") return "machines";
  if (place.page === "settlement") return "today";
  if (place.page === "member") return "members";
  if (place.page === "product") return "products";
  if (place.page === "planogram") return "planograms";
  return place.page === "order" ? "orders" : place.page;
}
