/**
 * From GCJ-02, which map services in China show, to WGS 84, which satellites tell and this system keeps. Pure.
 *
 * GCJ-02 moves every place in China by some hundred metres; the way there is published (the same constants in every open
 * implementation), the way back is found by trying. Outside of China nothing is moved.
 */
import type { Coordinates } from "../api/mapViews";

const EARTH_M = 6378137;
const ECCENTRICITY = 0.00669342162296594323;
const TRIES = 12;

function isMoved({ latitude, longitude }: Coordinates): boolean {
  return longitude > 72.004 && longitude < 137.8347 && latitude > 0.8293 && latitude < 55.8271;
}

/** By how much GCJ-02 moves a place, in metres north and east. */
function metres(x: number, y: number): { north: number; east: number } {
  const sine = (value: number) => Math.sin(value * Math.PI);
  const both = 20 * sine(6 * x) + 20 * sine(2 * x);
  const north = both + 20 * sine(y) + 40 * sine(y / 3) + 160 * sine(y / 12) + 320 * sine(y / 30);
  const east = both + 20 * sine(x) + 40 * sine(x / 3) + 150 * sine(x / 12) + 300 * sine(x / 30);
  const root = Math.sqrt(Math.abs(x));
  return {
    north: (north * 2) / 3 - 100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root,
    east: (east * 2) / 3 + 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root,
  };
}

/** What GCJ-02 calls a place. */
export function toGcj(place: Coordinates): Coordinates {
  if (!isMoved(place)) return place;
  const { latitude, longitude } = place;
  const { north, east } = metres(longitude - 105, latitude - 35);
  const bend = 1 - ECCENTRICITY * Math.sin((latitude * Math.PI) / 180) ** 2;
  const meridianM = (EARTH_M * (1 - ECCENTRICITY)) / bend ** 1.5;
  const parallelM = (EARTH_M / Math.sqrt(bend)) * Math.cos((latitude * Math.PI) / 180);
  return { latitude: latitude + (north * 180) / (meridianM * Math.PI), longitude: longitude + (east * 180) / (parallelM * Math.PI) };
}

/** The place that GCJ-02 calls so. */
export function fromGcj(shown: Coordinates): Coordinates {
  let guess = shown;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const said = toGcj(guess);
    guess = { latitude: guess.latitude + shown.latitude - said.latitude, longitude: guess.longitude + shown.longitude - said.longitude };
  }
  return guess;
}

/** A place as people type or paste it: `31.2304, 121.4737`; undefined for anything else. */
export function placeOf(text: string): Coordinates | undefined {
  const parts = /^\s*([-+]?\d{1,2}(?:\.\d+)?)\s*[,，;\s]\s*([-+]?\d{1,3}(?:\.\d+)?)\s*$/.exec(text);
  if (parts === null) return undefined;
  const [latitude, longitude] = [Number(parts[1]), Number(parts[2])];
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : undefined;
}

export function textOf({ latitude, longitude }: Coordinates): string {
  return `${latitude.toFixed(6)}, ${longitude.toFixed(6)}`;
}
