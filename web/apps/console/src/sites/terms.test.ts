import { describe, expect, it } from "vitest";
import { basisPointsOf, newestStays, percentText, sha256Of } from "./terms";

describe("a percentage", () => {
  it("is read in hundredths, and nothing else is", () => {
    expect(["12.5", "5", "0", "100", "0,25"].map(basisPointsOf)).toEqual([1250, 500, 0, 10_000, 25]);
    expect(["100.01", "-1", "5.123", "x", ""].map(basisPointsOf)).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });

  it("is written without needless zeros", () => {
    expect([1250, 500, 0, 10_000, 25].map(percentText)).toEqual(["12.5", "5", "0", "100", "0.25"]);
  });
});

describe("machines of a site", () => {
  it("stand where the newest word up to today says", () => {
    const stays = [
      { machine_id: "a", first_day: "2026-01-01", is_here: true },
      { machine_id: "a", first_day: "2026-03-01", is_here: false },
      { machine_id: "b", first_day: "2026-01-01", is_here: true },
      { machine_id: "c", first_day: "2027-01-01", is_here: true },
    ];
    expect(newestStays(stays, "2026-02-01").map((one) => one.machineId)).toEqual(["a", "b", "c"]);
    expect(newestStays(stays, "2026-03-01").map((one) => one.machineId)).toEqual(["b", "c"]);
  });
});

describe("a file", () => {
  it("has the hash that everybody computes", async () => {
    const abc = new TextEncoder().encode("abc").buffer;
    expect(await sha256Of(abc)).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});
