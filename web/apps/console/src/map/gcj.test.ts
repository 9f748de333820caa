import { describe, expect, it } from "vitest";
import { fromGcj, placeOf, textOf, toGcj } from "./gcj";

/** From the tests of eviltransform, the reference that other implementations are compared with: WGS 84, GCJ-02. */
const KNOWN = [
  { wgs: [31.1774276, 121.5272106], gcj: [31.17530398364597, 121.531541859215] },
  { wgs: [22.543847, 113.912316], gcj: [22.540796131694766, 113.9171764808363] },
  { wgs: [39.911954, 116.377817], gcj: [39.91334545536069, 116.38404722455657] },
] as const;
const pair = ([latitude, longitude]: readonly [number, number]) => ({ latitude, longitude });

describe("places from maps of China", () => {
  it.each(KNOWN)("are where the satellites say: $wgs", ({ wgs, gcj }) => {
    const there = toGcj(pair(wgs));
    expect(there.latitude).toBeCloseTo(gcj[0], 6);
    expect(there.longitude).toBeCloseTo(gcj[1], 6);
    const back = fromGcj(pair(gcj));
    expect(back.latitude).toBeCloseTo(wgs[0], 6);
    expect(back.longitude).toBeCloseTo(wgs[1], 6);
  });

  it("outside of China stay where they are", () => {
    const berlin = { latitude: 52.52, longitude: 13.405 };
    expect(toGcj(berlin)).toEqual(berlin);
    expect(fromGcj(berlin)).toEqual(berlin);
  });

  it("are read as people paste them", () => {
    for (const text of ["31.2304, 121.4737", "31.2304 121.4737", " 31.2304，121.4737 "]) expect(placeOf(text)).toEqual({ latitude: 31.2304, longitude: 121.4737 });
    for (const text of ["", "31.2304", "121.4737, 31.2304", "31.2, 181", "north, east", "31,2304, 121,4737"]) expect(placeOf(text)).toBeUndefined();
    expect(placeOf(textOf({ latitude: -33.5, longitude: -70.25 }))).toEqual({ latitude: -33.5, longitude: -70.25 });
  });
});
