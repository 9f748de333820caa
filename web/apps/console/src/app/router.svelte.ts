/** Where the reader is: the address bar is the only memory. Links are plain links; this keeps them from reloading. */
import { queryText } from "../api/client";

export type Place =
  | { page: "today" | "machines" | "orders" | "alarms" | "notifications" | "claims" | "doubts" | "settlement" | "codes" | "members" | "reconciliation" | "statements" | "sites" | "own" | "promotions" | "ways" | "products" | "planograms" | "models" | "sales" | "ranking" | "margins" | "months" | "people" | "audit" | "account" | "invitation" | "proven" | "setup" | "nowhere" }
  | { page: "machine" | "order" | "member" | "product" | "planogram"; id: string };

const BASE = "/console";
const LISTS = ["machines", "orders", "alarms", "notifications", "claims", "doubts", "settlement", "codes", "members", "reconciliation", "statements", "sites", "own", "promotions", "ways", "products", "planograms", "models", "sales", "ranking", "margins", "months", "people", "audit", "account", "invitation", "proven", "setup"] as const;

/** `/console/orders/ord_x` → the order's place. */
export function placeOf(path: string): Place {
  const [first = "", id = "", ...more] = path.slice(BASE.length).split("/").filter((part) => part !== "");
  if (more.length > 0) return { page: "nowhere" };
  if (first === "") return { page: "today" };
  if (id !== "" && first === "machines") return { page: "machine", id };
  if (id !== "" && first === "orders") return { page: "order", id };
  if (id !== "" && first === "members") return { page: "member", id };
  if (id !== "" && first === "products") return { page: "product", id };
  if (id !== "" && first === "planograms") return { page: "planogram", id };
  const list = LISTS.find((name) => name === first);
  return list !== undefined && id === "" ? { page: list } : { page: "nowhere" };
}

/** An address inside the console. */
export function href(path: string, query: Readonly<Record<string, string | undefined>> = {}): string {
  return `${BASE}/${path}${queryText(query)}`;
}

export class Router {
  place: Place = $state.raw({ page: "today" });
  query: URLSearchParams = $state.raw(new URLSearchParams());

  constructor() {
    this.#read();
  }

  /** Follows Back, Forward and every link into the console. Returns how to stop. */
  start(): () => void {
    const clicked = (event: MouseEvent) => this.#onclick(event);
    const moved = () => this.#read();
    document.addEventListener("click", clicked);
    window.addEventListener("popstate", moved);
    return () => {
      document.removeEventListener("click", clicked);
      window.removeEventListener("popstate", moved);
    };
  }

  go = (address: string, how: "push" | "replace" = "push"): void => {
    if (how === "push") history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    const from = this.place;
    this.#read();
    if (from.page !== this.place.page || how === "push") window.scrollTo(0, 0);
  };

  /** Changes filters: a list starts again at its first page. */
  filter = (changes: Readonly<Record<string, string>>): void => {
    const query = new URLSearchParams(this.query);
    query.delete("cursor");
    for (const [name, value] of Object.entries(changes)) {
      if (value === "") query.delete(name);
      else query.set(name, value);
    }
    const text = query.toString();
    this.go(location.pathname + (text === "" ? "" : `?${text}`), "replace");
  };

  #read(): void {
    this.place = placeOf(location.pathname);
    this.query = new URLSearchParams(location.search);
  }

  #onclick(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.target !== "" || link.origin !== location.origin) return;
    if (link.pathname !== BASE && !link.pathname.startsWith(`${BASE}/`)) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}
