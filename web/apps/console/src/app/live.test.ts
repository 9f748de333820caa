import { beforeEach, describe, expect, it } from "vitest";
import type { LiveEvent } from "../api/views";
import { BETWEEN_MS, GATHER_MS, Live, TICKER_MAX } from "./live.svelte";

let now = 0;
let later: { at: number; run: () => void }[] = [];
let isVisible = true;
let live: Live;

const event = (type: string): LiveEvent => ({ type, timestamp: "", subject: "ord_1", data: {} });

function pass(ms: number): void {
  now += ms;
  const due = later.filter((one) => one.at <= now);
  later = later.filter((one) => one.at > now);
  for (const one of due) one.run();
}

beforeEach(() => {
  [now, later, isVisible] = [100_000, [], true];
  live = new Live({
    now: () => now,
    later: (run, delayMs) => void later.push({ at: now + delayMs, run }),
    isVisible: () => isVisible,
  });
});

describe("Live", () => {
  it("asks at once, then soon after an event, once for a burst", () => {
    let asked = 0;
    live.follow({ concerns: () => true, refresh: () => void (asked += 1) });
    expect(asked).toBe(1);
    pass(BETWEEN_MS);
    for (let times = 0; times < 50; times += 1) live.hear(event("order.paid"));
    pass(GATHER_MS);
    expect(asked).toBe(2);
  });

  it("waits longer while events keep coming, never longer than the promise", () => {
    let asked = 0;
    live.follow({ concerns: () => true, refresh: () => void (asked += 1) });
    for (let ms = 0; ms < 10_000; ms += 100) {
      live.hear(event("vend.delivered"));
      pass(100);
    }
    expect(asked).toBeGreaterThanOrEqual(10);
    expect(asked).toBeLessThanOrEqual(13);
  });

  it("leaves alone what an event does not concern, and what is no longer shown", () => {
    let asked = 0;
    const stop = live.follow({ concerns: (one) => one.type.startsWith("alarm."), refresh: () => void (asked += 1) });
    live.hear(event("order.paid"));
    pass(5000);
    expect(asked).toBe(1);
    live.hear(event("alarm.raised"));
    stop();
    pass(5000);
    expect(asked).toBe(1);
  });

  it("asks for everything now and then, but not behind a hidden tab", () => {
    let asked = 0;
    live.follow({ concerns: () => false, refresh: () => void (asked += 1) });
    isVisible = false;
    live.poll();
    pass(5000);
    expect(asked).toBe(1);
    isVisible = true;
    live.poll();
    pass(5000);
    expect(asked).toBe(2);
  });

  it("keeps the newest events for the ticker", () => {
    for (let times = 0; times < TICKER_MAX + 5; times += 1) live.hear(event(`n${times}`));
    expect(live.ticker).toHaveLength(TICKER_MAX);
    expect(live.ticker[0]?.type).toBe(`n${TICKER_MAX + 4}`);
  });
});
