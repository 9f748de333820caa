/**
 * Follows the cloud's live events and comes back by itself after a cut. The browser resumes with the last event's id
 * where it can; where it gave up, this opens a new stream, and the page is told to ask for everything again. A short
 * break (the server ends a stream now and then) is nobody's business; a longer one is said.
 */
import { retryDelayMs } from "@vendomat/api";
import type { LiveEvent } from "./views";

export type LinkState = "connecting" | "live" | "reconnecting";

export const BREAK_TOLD_AFTER_MS = 2500;

/** The part of the browser's EventSource that is used. */
export type Source = {
  readonly readyState: number;
  onopen: ((event: Event) => unknown) | null;
  onerror: ((event: Event) => unknown) | null;
  onmessage: ((event: MessageEvent<string>) => unknown) | null;
  close(): void;
};

export type StreamWorld = { open: () => Source; later: (run: () => void, delayMs: number) => void };
export type StreamListener = {
  onevent: (event: LiveEvent) => void;
  onlink: (state: LinkState) => void;
  /** The stream is open (again): what was shown may be old. */
  onopen: () => void;
  /** The browser gave the stream up: it was refused, or what answered was no stream. */
  onrefused: () => void;
};

const CLOSED = 2;

export const browserStreamWorld: StreamWorld = {
  open: () => new EventSource("/api/v1/events/stream") as Source,
  later: (run, delayMs) => void setTimeout(run, delayMs),
};

export class EventStream {
  #source: Source | undefined;
  #failures = 0;
  #isLive = false;
  #breaks = 0;

  constructor(
    readonly listener: StreamListener,
    readonly world: StreamWorld = browserStreamWorld,
  ) {}

  start(): void {
    this.listener.onlink("connecting");
    this.#open();
  }

  stop(): void {
    this.#source?.close();
    this.#source = undefined;
    this.#isLive = true; // nothing is missed any more, so no break is told
    this.#breaks += 1;
  }

  #open(): void {
    const source = this.world.open();
    this.#source = source;
    source.onmessage = (event) => {
      if (this.#source === source) this.listener.onevent(JSON.parse(event.data) as LiveEvent);
    };
    source.onopen = () => {
      if (this.#source !== source) return;
      this.#isLive = true;
      this.#failures = 0;
      this.listener.onlink("live");
      this.listener.onopen();
    };
    source.onerror = () => this.#source === source && this.#broken(source);
  }

  #broken(source: Source): void {
    const mine = (this.#breaks += 1);
    const isFirst = this.#isLive || this.#failures === 0;
    this.#isLive = false;
    this.#failures += 1;
    if (isFirst) {
      this.world.later(() => {
        if (!this.#isLive) this.listener.onlink("reconnecting");
      }, BREAK_TOLD_AFTER_MS);
    }
    if (source.readyState !== CLOSED) return; // the browser itself tries again
    this.listener.onrefused();
    this.world.later(() => {
      if (mine === this.#breaks && this.#source === source) this.#open();
    }, retryDelayMs(this.#failures));
  }
}
