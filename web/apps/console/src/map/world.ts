/**
 * A map of the world for one frame: Leaflet moves it, and the land is drawn from outlines that come with the page, so that
 * no tile server learns where machines stand. It shows coasts, no borders. Loaded when a map is first shown.
 */
import * as L from "leaflet";
import "leaflet/dist/leaflet.css";
import { feature } from "topojson-client";
import type { GeometryObject, Topology } from "topojson-specification";
import landAddress from "world-atlas/land-50m.json?url";
import type { Coordinates } from "../api/mapViews";

export type Bounds = [[number, number], [number, number]];
/** What is shown: `at` is where a place is in the frame, in pixels; `contains` whether it is in the frame, or `marginPx` beyond it. */
export type View = { zoom: number; centre: Coordinates; at: (place: Coordinates) => { x: number; y: number }; contains: (place: Coordinates, marginPx?: number) => boolean };
export type Words = { zoomIn: string; zoomOut: string };

export const ZOOM_MAX = 18;
const ZOOM_MIN = 2;
const WORLD: Bounds = [[-60, -180], [80, 180]];
const EDGE: Bounds = [[-85, -200], [85, 200]];
const GRID_PX = 140;
const GRID_STEPS = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];

let asked: Promise<Topology> | undefined;

async function askLand(): Promise<Topology> {
  const answer = await fetch(landAddress);
  if (!answer.ok) throw new Error(`no outlines: ${answer.status}`);
  return (await answer.json()) as Topology;
}

/** The outlines, asked for once; a failure is not kept. */
export function loadLand(): Promise<Topology> {
  asked ??= askLand().catch((error: unknown) => {
    asked = undefined;
    throw error;
  });
  return asked;
}

export class World {
  readonly #map: L.Map;
  readonly #grid = L.layerGroup();
  readonly #watch: ResizeObserver;

  /** `onview` hears of every move; `onpress` of a place that was pressed. */
  constructor(frame: HTMLElement, land: Topology, words: Words, onview: (view: View) => void, onpress?: (place: Coordinates) => void) {
    this.#map = L.map(frame, {
      attributionControl: false,
      fadeAnimation: false,
      maxBounds: EDGE,
      maxBoundsViscosity: 0.8,
      maxZoom: ZOOM_MAX,
      minZoom: ZOOM_MIN,
      renderer: L.svg({ padding: 0.4 }),
      scrollWheelZoom: onpress === undefined,
      zoomAnimation: false,
      zoomControl: false,
    });
    L.control.zoom({ zoomInTitle: words.zoomIn, zoomOutTitle: words.zoomOut, position: "topright" }).addTo(this.#map);
    L.control.scale({ imperial: false, position: "bottomright" }).addTo(this.#map);
    const outlines = feature(land, land.objects["land"] as GeometryObject);
    this.#map.fitBounds(WORLD);
    L.geoJSON(outlines, { interactive: false, style: { className: "land", weight: 1 } }).addTo(this.#map);
    this.#grid.addTo(this.#map);
    const tell = () => onview(this.#view());
    this.#map.on("move zoom viewreset resize", tell);
    this.#map.on("moveend", () => this.#drawGrid());
    if (onpress) this.#map.on("click", ({ latlng }) => onpress({ latitude: latlng.lat, longitude: latlng.wrap().lng }));
    this.#watch = new ResizeObserver(() => this.#map.invalidateSize({ animate: false }));
    this.#watch.observe(frame);
    this.#drawGrid();
    tell();
  }

  /** Show all of `bounds` (the whole world without any), no nearer than `zoomMax`. */
  show(bounds: Bounds | undefined, zoomMax = 15): void {
    this.#map.fitBounds(bounds ?? WORLD, { animate: false, maxZoom: Math.max(zoomMax, ZOOM_MIN), padding: [48, 48] });
  }

  close(): void {
    this.#watch.disconnect();
    this.#map.remove();
  }

  #view(): View {
    const map = this.#map;
    const { lat, lng } = map.getCenter();
    const size = map.getSize();
    const at = (place: Coordinates) => {
      const { x, y } = map.latLngToContainerPoint([place.latitude, place.longitude]);
      return { x, y };
    };
    const contains = (place: Coordinates, marginPx = 0) => {
      const { x, y } = at(place);
      return x >= -marginPx && y >= -marginPx && x <= size.x + marginPx && y <= size.y + marginPx;
    };
    return { zoom: map.getZoom(), centre: { latitude: lat, longitude: lng }, at, contains };
  }

  /** Lines of round degrees: where no coast is near, they show that something moved. */
  #drawGrid(): void {
    const bounds = this.#map.getBounds().pad(0.3);
    const degreePx = (256 * 2 ** this.#map.getZoom()) / 360;
    const step = GRID_STEPS.findLast((one) => one * degreePx >= GRID_PX) ?? 30;
    const style = { className: "grid", interactive: false, weight: 1 };
    const [south, north] = [Math.max(-85, bounds.getSouth()), Math.min(85, bounds.getNorth())];
    const [west, east] = [Math.max(-180, bounds.getWest()), Math.min(180, bounds.getEast())];
    this.#grid.clearLayers();
    for (let n = Math.ceil(west / step); n * step <= east; n += 1) L.polyline([[south, n * step], [north, n * step]], style).addTo(this.#grid);
    for (let n = Math.ceil(south / step); n * step <= north; n += 1) L.polyline([[n * step, west], [n * step, east]], style).addTo(this.#grid);
  }
}
