import { beforeEach, describe, expect, it } from "vitest";
import type { Snapshot } from "./snapshot";
import { type EventStream, retryDelayMs, SnapshotStream } from "./snapshotStream";

class FakeStream implements EventStream {
  onopen = null;
  onerror: ((event: Event) => unknown) | null = null;
  isClosed = false;
  #listeners: ((event: MessageEvent<string>) => void)[] = [];

  addEventListener(_name: string, listener: (event: MessageEvent<string>) => void): void {
    this.#listeners.push(listener);
  }
  close(): void {
    this.isClosed = true;
  }
  send(revision: number): void {
    const data = JSON.stringify({ revision });
    for (const listener of this.#listeners) listener({ data } as MessageEvent<string>);
  }
  fail(): void {
    this.onerror?.({} as Event);
  }
}

let opened: FakeStream[];
let delays: number[];
let pending: (() => void)[];
let seen: number[];
let links: string[];
let stream: SnapshotStream;

const last = (): FakeStream => opened.at(-1) as FakeStream;
const runPending = (): void => {
  for (const run of pending.splice(0)) run();
};

beforeEach(() => {
  [opened, delays, pending, seen, links] = [[], [], [], [], []];
  stream = new SnapshotStream(
    "/api/events",
    { onsnapshot: (snapshot: Snapshot) => seen.push(snapshot.revision), onlink: (state) => links.push(state) },
    {
      open: () => {
        opened.push(new FakeStream());
        return last();
      },
      later: (run, delayMs) => {
        delays.push(delayMs);
        pending.push(run);
      },
    },
  );
  stream.start();
});

describe("SnapshotStream", () => {
  it("passes pictures on and ignores older ones", () => {
    for (const revision of [1, 3, 2, 4]) last().send(revision);
    expect(seen).toEqual([1, 3, 4]);
    expect(links.at(-1)).toBe("live");
  });

  it("comes back after a cut, later each time, and starts afresh when the program restarted", () => {
    last().send(90);
    last().fail();
    expect(links.at(-1)).toBe("reconnecting");
    runPending();
    last().fail();
    runPending();
    expect(delays).toEqual([500, 1000]);
    last().send(1);
    expect(seen).toEqual([90, 1]);
    last().fail();
    expect(delays).toEqual([500, 1000, 500]);
  });

  it("ignores what a given-up connection still says", () => {
    const old = last();
    old.fail();
    runPending();
    last().send(5);
    old.send(9);
    old.fail();
    expect(seen).toEqual([5]);
    expect(opened).toHaveLength(2);
  });

  it("stays silent after stop", () => {
    last().fail();
    stream.stop();
    runPending();
    expect(opened).toHaveLength(1);
  });
});

it("waits at most eight seconds", () => {
  expect([1, 2, 5, 6, 60].map(retryDelayMs)).toEqual([500, 1000, 8000, 8000, 8000]);
});
