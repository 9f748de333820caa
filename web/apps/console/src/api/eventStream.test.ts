import { beforeEach, describe, expect, it } from "vitest";
import { BREAK_TOLD_AFTER_MS, EventStream, type Source } from "./eventStream";

class FakeSource implements Source {
  readyState = 0;
  onopen: ((event: Event) => unknown) | null = null;
  onerror: ((event: Event) => unknown) | null = null;
  isClosed = false;
  onmessage: ((event: MessageEvent<string>) => unknown) | null = null;

  close(): void {
    this.isClosed = true;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.({} as Event);
  }
  /** A cut line: the browser itself tries again. Refused: it gives up. */
  fail(how: "cut" | "refused"): void {
    this.readyState = how === "cut" ? 0 : 2;
    this.onerror?.({} as Event);
  }
  send(type: string): void {
    const data = JSON.stringify({ type, timestamp: "", subject: "ord_1", data: {} });
    this.onmessage?.({ data } as MessageEvent<string>);
  }
}

let now = 0;
let later: { at: number; run: () => void }[] = [];
let opened: FakeSource[] = [];
let seen: string[] = [];
let stream: EventStream;

const last = () => opened.at(-1) as FakeSource;

function pass(ms: number): void {
  now += ms;
  const due = later.filter((one) => one.at <= now);
  later = later.filter((one) => one.at > now);
  for (const one of due) one.run();
}

beforeEach(() => {
  [now, later, opened, seen] = [0, [], [], []];
  stream = new EventStream(
    {
      onevent: (event) => seen.push(event.type),
      onlink: (link) => seen.push(link),
      onopen: () => seen.push("refresh"),
      onrefused: () => seen.push("who am I"),
    },
    {
      open: () => {
        opened.push(new FakeSource());
        return last();
      },
      later: (run, delayMs) => void later.push({ at: now + delayMs, run }),
    },
  );
  stream.start();
});

describe("EventStream", () => {
  it("says whatever it hears once it is open", () => {
    last().open();
    last().send("order.paid");
    last().send("planogram.published");
    expect(seen).toEqual(["connecting", "live", "refresh", "order.paid", "planogram.published"]);
  });

  it("keeps quiet about a short break and refreshes after it", () => {
    last().open();
    last().fail("cut");
    last().open();
    pass(BREAK_TOLD_AFTER_MS);
    expect(seen).toEqual(["connecting", "live", "refresh", "live", "refresh"]);
    expect(opened).toHaveLength(1);
  });

  it("tells a long break, asks who is here when refused, and opens a new stream, later each time", () => {
    last().open();
    last().fail("refused");
    pass(BREAK_TOLD_AFTER_MS);
    expect(seen.slice(3)).toEqual(["who am I", "reconnecting"]);
    expect(opened).toHaveLength(2);
    last().fail("refused");
    pass(500);
    expect(opened).toHaveLength(2);
    pass(500);
    expect(opened).toHaveLength(3);
    last().open();
    expect(seen.at(-2)).toBe("live");
  });

  it("is silent after it was stopped", () => {
    last().open();
    last().fail("refused");
    stream.stop();
    const before = seen.length;
    pass(60_000);
    last().send("order.paid");
    expect([seen.length, opened.length]).toEqual([before, 1]);
  });
});
