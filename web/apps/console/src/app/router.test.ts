import { describe, expect, it } from "vitest";
import { href, placeOf } from "./router.svelte";

describe("placeOf", () => {
  it.each([
    ["/console", { page: "today" }],
    ["/console/", { page: "today" }],
    ["/console/machines", { page: "machines" }],
    ["/console/machines/mch_1", { page: "machine", id: "mch_1" }],
    ["/console/orders/ord_1", { page: "order", id: "ord_1" }],
    ["/console/claims", { page: "claims" }],
    ["/console/codes/", { page: "codes" }],
    ["/console/members/mbr_1", { page: "member", id: "mbr_1" }],
    ["/console/products/new", { page: "product", id: "new" }],
    ["/console/planograms/mch_1", { page: "planogram", id: "mch_1" }],
    ["/console/alarms/alm_1", { page: "nowhere" }],
    ["/console/orders/ord_1/more", { page: "nowhere" }],
    ["/console/today", { page: "nowhere" }],
  ])("%s", (path, place) => {
    expect(placeOf(path)).toEqual(place);
  });
});

it("leaves empty filters out of addresses", () => {
  expect(href("orders", { machine: "mch_1", state: "" })).toBe("/console/orders?machine=mch_1");
  expect(href("")).toBe("/console/");
});
