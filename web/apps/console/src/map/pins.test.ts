import { describe, expect, it } from "vitest";
import { APART_PX, boundsOf, pinsOf, pixelOf, standingOf, type PlacedSite } from "./pins";

function site(id: string, latitude: number, longitude: number, more: Partial<PlacedSite> = {}): PlacedSite {
  return { id, name: id, address: "", coordinates: { latitude, longitude }, machines: 1, offline: 0, attention: 0, open_alarms: 0, is_critical: false, ...more };
}

/** Numbers that are the same in every run. */
function* chance(): Generator<number> {
  for (let state = 7; ; ) yield (state = (state * 48271) % 2147483647) / 2147483647;
}

function scattered(count: number): PlacedSite[] {
  const numbers = chance();
  const next = () => numbers.next().value as number;
  return Array.from({ length: count }, (_, n) => site(`s${n}`, 31 + next() * 0.6, 121 + next() * 0.8, { offline: next() < 0.1 ? 1 : 0 }));
}

describe("a map's pins", () => {
  it("stand where Mercator puts them", () => {
    expect(pixelOf({ latitude: 0, longitude: 0 }, 0)).toEqual({ x: 128, y: 128 });
    const { x, y } = pixelOf({ latitude: 85.0511, longitude: 180 }, 1);
    expect(x).toBe(512);
    expect(Math.abs(y)).toBeLessThan(0.01);
    expect(pixelOf({ latitude: 90, longitude: 0 }, 3).y).toBeCloseTo(pixelOf({ latitude: 85.0511, longitude: 0 }, 3).y);
  });

  it.each([3, 8, 11, 14, 18])("are never nearer than a finger needs, and no site is lost, at zoom %i", (zoom) => {
    const sites = scattered(600);
    const pins = pinsOf(sites, zoom);
    const places = pins.map((pin) => pixelOf(pin, zoom));
    const isTooNear = (one: (typeof places)[number], n: number) => places.some((other, m) => m > n && Math.hypot(one.x - other.x, one.y - other.y) < APART_PX);
    expect(places.filter(isTooNear)).toEqual([]);
    expect(pins.flatMap((pin) => pin.sites.map((one) => one.id)).sort()).toEqual(sites.map((one) => one.id).sort());
  });

  it("say the worst of their sites, and stand there", () => {
    const [pin, ...more] = pinsOf([site("a", 31, 121), site("b", 31.0001, 121, { is_critical: true }), site("c", 31, 121.0001, { offline: 1 })], 8);
    expect(more).toEqual([]);
    expect(pin).toMatchObject({ id: "b", standing: "critical", latitude: 31.0001 });
    expect(pin?.sites.map((one) => one.id)).toEqual(["b", "c", "a"]);
  });

  it("of one house stay one pin at any zoom", () => {
    expect(pinsOf([site("a", 31, 121), site("b", 31, 121)], 18)).toHaveLength(1);
  });

  it("do not depend on the order in which sites are told", () => {
    const sites = scattered(200);
    expect(pinsOf([...sites].reverse(), 9)).toEqual(pinsOf(sites, 9));
  });

  it("of five thousand sites are found in a moment", () => {
    const sites = scattered(5000);
    pinsOf(sites, 10);
    const began = performance.now();
    pinsOf(sites, 11);
    expect(performance.now() - began).toBeLessThan(250);
    expect(boundsOf(sites)?.[0][0]).toBeGreaterThanOrEqual(31);
  });

  it("know what a site's machines come to", () => {
    const standings = [{}, { machines: 0 }, { open_alarms: 1 }, { attention: 1, offline: 1 }, { offline: 1, is_critical: true }];
    expect(standings.map((one) => standingOf(site("a", 0, 0, one)))).toEqual(["online", "empty", "attention", "offline", "critical"]);
    expect(boundsOf([])).toBeUndefined();
  });
});
