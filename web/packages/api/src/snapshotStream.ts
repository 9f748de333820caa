/**
 * Follows the machine's picture of itself over server-sent events and comes back by itself after a cut, each time a
 * little later. Within one connection an older revision than the last is ignored; a new connection starts afresh,
 * because a restarted program counts from the beginning. It never asks twice at once and keeps nothing.
 */
import type { Snapshot } from "./snapshot";

export type LinkState = "connecting" | "live" | "reconnecting";

/** The part of the browser's EventSource that is used. */
export type EventStream = {
  onopen: ((event: Event) => unknown) | null;
  onerror: ((event: Event) => unknown) | null;
  addEventListener(name: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
};

export type StreamWorld = {
  open: (address: string) => EventStream;
  later: (run: () => void, delayMs: number) => void;
};

export type StreamListener = {
  onsnapshot: (snapshot: Snapshot) => void;
  onlink: (state: LinkState) => void;
};

export const RETRY_FIRST_MS = 500;
export const RETRY_LAST_MS = 8000;

/** 500, 1000, 2000, 4000, 8000, 8000, … */
export function retryDelayMs(failures: number): number {
  return Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.max(0, failures - 1));
}

export const browserWorld: StreamWorld = {
  open: (address) => new EventSource(address) as EventStream,
  later: (run, delayMs) => void setTimeout(run, delayMs),
};

export class SnapshotStream {
  #failures = 0;
  #isStopped = false;
  #source: EventStream | undefined;

  constructor(
    readonly address: string,
    readonly listener: StreamListener,
    readonly world: StreamWorld = browserWorld,
  ) {}

  start(): void {
    this.listener.onlink("connecting");
    this.#connect();
  }

  stop(): void {
    this.#isStopped = true;
    this.#source?.close();
  }

  #connect(): void {
    if (this.#isStopped) return;
    const source = this.world.open(this.address);
    let revision = Number.NEGATIVE_INFINITY;
    this.#source = source;
    source.addEventListener("state", (event) => {
      if (this.#source !== source) return;
      const snapshot = JSON.parse(event.data) as Snapshot;
      this.#failures = 0;
      this.listener.onlink("live");
      if (snapshot.revision < revision) return;
      revision = snapshot.revision;
      this.listener.onsnapshot(snapshot);
    });
    source.onerror = () => {
      if (this.#source !== source) return;
      source.close();
      this.#source = undefined;
      this.#failures += 1;
      this.listener.onlink("reconnecting");
      this.world.later(() => this.#connect(), retryDelayMs(this.#failures));
    };
  }
}
