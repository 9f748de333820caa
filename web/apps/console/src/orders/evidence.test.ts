import { describe, expect, it } from "vitest";
import type { Evidence } from "../api/views";
import zh from "../messages/zh-CN.json";
import { factsOf, phaseOf, reasonOf, toneOf } from "./evidence";

const entry = (data: Record<string, unknown>): Evidence => ({ at: "", source: "cloud", kind: "x", data });

describe("evidence", () => {
  it.each([
    ["payment.paid", "money", "ok"],
    ["order.paid", "money", "ok"],
    ["command.queued", "command", "accent"],
    ["vend.started", "motor", "accent"],
    ["vend.not_delivered", "sensor", "crit"],
    ["refund.succeeded", "refund", "ok"],
    ["order.created", "order", "accent"],
    ["something.new", "order", "accent"],
  ])("%s belongs to %s and is %s", (kind, phase, tone) => {
    expect([phaseOf(kind), toneOf(kind)]).toEqual([phase, tone]);
  });

  it("gives sentences their values, and no hole for what is absent or odd", () => {
    expect(factsOf(entry({ slot: "A1", unit: 2, amount_minor: 350, channel: "wechat" }))).toEqual({
      slot: "A1", unit: "2", channel: "wechat", amountMinor: 350,
    });
    expect(factsOf(entry({ amount_minor: 350, held_minor: 700 }))).toMatchObject({ amountMinor: 350, heldMinor: 700 });
    expect(factsOf(entry({ slot: null, amount_minor: 1.5 }))).toEqual({ slot: "", unit: "", channel: "", amountMinor: undefined });
  });

  it("prefers what the machine said to why it was asked", () => {
    expect(reasonOf(entry({ result: "jam", reason: "x" }))).toBe("jam");
    expect(reasonOf(entry({ result: "", reason: "not delivered" }))).toBe("not delivered");
    expect(reasonOf(entry({}))).toBe("");
    expect(reasonOf(entry({ result: "delivered", reason: "" }))).toBe("");
    expect(reasonOf(entry({ result: "delivered_double" }))).toBe("delivered_double");
  });

  it("has only sentences whose places evidence can fill", () => {
    const known = new Set(["slot", "unit", "amount", "held", "channel"]);
    const places = Object.entries(zh)
      .filter(([key]) => key.startsWith("timeline."))
      .flatMap(([, text]) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ""));
    expect(places.filter((place) => !known.has(place))).toEqual([]);
  });
});
