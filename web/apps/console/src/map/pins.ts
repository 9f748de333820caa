/**
 * Which pins a map shows: sites that would lie on each other become one. Pure.
 *
 * A pin stands where the worst of its sites is, and no two pins are nearer than `APART_PX`, so that each can be pressed
 * (24 px is the least, WCAG 2.2 target size), and its number read. The same sites at the same zoom give the same pins, wherever one looks.
 */
import type { Tone } from "@vendomat/ui";
import type { MappedSite } from "../api/mapViews";

/** Ordered by what it costs: the first is the worst. */
export const STANDINGS = ["critical", "offline", "attention", "online", "empty"] as const;
export type Standing = (typeof STANDINGS)[number];
export type PlacedSite = MappedSite & { coordinates: NonNullable<MappedSite["coordinates"]> };
/** `id` is that of its worst site, which it stands at. */
export type Pin = { id: string; latitude: number; longitude: number; standing: Standing; sites: readonly PlacedSite[] };

export const APART_PX = 64;
const TILE_PX = 256;
const TONES: Readonly<Record<Standing, Tone>> = { critical: "crit", offline: "off", attention: "warn", online: "ok", empty: "off" };

export function toneOf(standing: Standing): Tone {
  return TONES[standing];
}

export function standingOf(site: MappedSite): Standing {
  if (site.is_critical) return "critical";
  if (site.offline > 0) return "offline";
  if (site.attention > 0 || site.open_alarms > 0) return "attention";
  return site.machines > 0 ? "online" : "empty";
}

/** The worst first, then by name. */
const NAMES = new Intl.Collator(undefined, { numeric: true });

export function byStanding(left: MappedSite, right: MappedSite): number {
  const worse = STANDINGS.indexOf(standingOf(left)) - STANDINGS.indexOf(standingOf(right));
  return worse || right.open_alarms - left.open_alarms || NAMES.compare(left.name, right.name) || (left.id < right.id ? -1 : 1);
}

export function isPlaced(site: MappedSite): site is PlacedSite {
  return site.coordinates !== null;
}

/** Where a place is on a map of the whole world at this zoom, in pixels (spherical Mercator, EPSG:3857). */
export function pixelOf({ latitude, longitude }: { latitude: number; longitude: number }, zoom: number): { x: number; y: number } {
  const world = TILE_PX * 2 ** zoom;
  const sine = Math.sin((Math.max(-85.0511, Math.min(85.0511, latitude)) * Math.PI) / 180);
  return { x: world * (longitude / 360 + 0.5), y: world * (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) };
}

/** The pins of all sites at this zoom, the worst first. */
export function pinsOf(sites: readonly PlacedSite[], zoom: number): Pin[] {
  const found: { x: number; y: number; sites: PlacedSite[] }[] = [];
  const cells = new Map<string, (typeof found)[number][]>();
  for (const site of [...sites].sort(byStanding)) {
    const { x, y } = pixelOf(site.coordinates, zoom);
    const [column, row] = [Math.floor(x / APART_PX), Math.floor(y / APART_PX)];
    const near = nearest(x, y, around(cells, column, row));
    if (near !== undefined) {
      near.sites.push(site);
      continue;
    }
    const pin = { x, y, sites: [site] };
    found.push(pin);
    const key = `${column}/${row}`;
    cells.set(key, [...(cells.get(key) ?? []), pin]);
  }
  return found.map((pin) => {
    const worst = pin.sites[0] as PlacedSite;
    return { id: worst.id, ...worst.coordinates, standing: standingOf(worst), sites: pin.sites };
  });
}

function around<Value>(cells: ReadonlyMap<string, Value[]>, column: number, row: number): Value[] {
  const steps = [-1, 0, 1];
  return steps.flatMap((dx) => steps.flatMap((dy) => cells.get(`${column + dx}/${row + dy}`) ?? []));
}

function nearest<Pin extends { x: number; y: number }>(x: number, y: number, pins: readonly Pin[]): Pin | undefined {
  let best: Pin | undefined;
  let bestPx = APART_PX;
  for (const pin of pins) {
    const px = Math.hypot(pin.x - x, pin.y - y);
    if (px < bestPx) [best, bestPx] = [pin, px];
  }
  return best;
}

/** The rectangle around all of them, as south-west and north-east. */
export function boundsOf(sites: readonly PlacedSite[]): [[number, number], [number, number]] | undefined {
  if (sites.length === 0) return undefined;
  const norths = sites.map((site) => site.coordinates.latitude);
  const easts = sites.map((site) => site.coordinates.longitude);
  // No spread: thousands of numbers are more than a call takes.
  const least = (values: number[]) => values.reduce((one, other) => Math.min(one, other));
  const most = (values: number[]) => values.reduce((one, other) => Math.max(one, other));
  return [[least(norths), least(easts)], [most(norths), most(easts)]];
}
