import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Area, areasOf, found, type OpenApi } from "./document";

const kept = JSON.parse(readFileSync(new URL("../../../../packages/api/openapi.json", import.meta.url), "utf8")) as OpenApi;
const areas = areasOf(kept);
const operation = (id: string) => areas.flatMap((area) => area.operations).find((one) => one.id === id);
const ids = (of: readonly Area[]) => of.flatMap((area) => area.operations.map((one) => one.id));

describe("the document", () => {
  it("is read whole: every operation stands in one area", () => {
    const every = Object.values(kept.paths).flatMap((methods) => Object.values(methods).map((one) => one.operationId));
    expect(ids(areas).sort()).toEqual(every.sort());
  });

  it("says who may ask, with which permission, and what may come instead", () => {
    const release = operation("refunds.release");
    expect([release?.scheme, release?.permission, release?.method]).toEqual(["session", "refund.release", "POST"]);
    expect([release?.needsProof, operation("orders.list")?.needsProof]).toEqual([true, false]);
    expect(release?.problems.map((one) => one.status)).toContain("409");
    expect(release?.problems.every((one) => one.text !== "")).toBe(true);
    expect(operation("health.get")?.scheme).toBe("");
    expect(operation("order.see")?.scheme).toBe("orderLink");
  });

  it("is searched by every word, in any order, and by what one would type", () => {
    expect(ids(found(areas, "release REFUND"))).toContain("refunds.release");
    expect(ids(found(areas, "post /codes"))).toContain("codes.issue");
    expect(ids(found(areas, "keys.change"))).toContain("payment_accounts.put");
    expect(found(areas, "no such thing anywhere")).toEqual([]);
    expect(ids(found(areas, "  "))).toEqual(ids(areas));
  });
});
