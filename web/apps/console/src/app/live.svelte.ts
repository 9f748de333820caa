/**
 * What is happening now: the one event stream of the page, the last events for the ticker, a clock for "seen 5 s ago",
 * and the moments at which shown things are asked for again. Bursts of events become one question.
 */
import { untrack } from "svelte";
import type { LinkState } from "../api/eventStream";
import type { LiveEvent } from "../api/views";

export const TICKER_MAX = 30;
export const GATHER_MS = 200;
export const BETWEEN_MS = 900;
export const POLL_MS = 10_000;

export type Interest = {
  /** Whether this event concerns what is shown. */
  concerns: (event: LiveEvent) => boolean;
  refresh: () => Promise<void> | void;
};

export type LiveWorld = {
  now: () => number;
  later: (run: () => void, delayMs: number) => void;
  isVisible: () => boolean;
};

export const browserLiveWorld: LiveWorld = {
  now: () => Date.now(),
  later: (run, delayMs) => void setTimeout(run, delayMs),
  isVisible: () => document.visibilityState === "visible",
};

type Watch = Interest & { isDue: boolean; askedAt: number };

export class Live {
  link: LinkState = $state("connecting");
  ticker: readonly LiveEvent[] = $state.raw([]);
  now = $state(0);
  #watches = new Set<Watch>();

  constructor(readonly world: LiveWorld = browserLiveWorld) {
    this.now = world.now();
  }

  /** Keeps something fresh while it is shown. Returns how to stop. */
  follow(interest: Interest): () => void {
    const watch: Watch = { ...interest, isDue: false, askedAt: Number.NEGATIVE_INFINITY };
    this.#watches.add(watch);
    this.#ask(watch);
    return () => void this.#watches.delete(watch);
  }

  hear = (event: LiveEvent): void => {
    this.ticker = [event, ...this.ticker].slice(0, TICKER_MAX);
    for (const watch of this.#watches) if (watch.concerns(event)) this.#soon(watch);
  };

  /** Asks for everything that is shown: after a break, after sleep, after a deed of one's own, and every few seconds for what no event tells. */
  refreshAll = (): void => {
    for (const watch of this.#watches) this.#soon(watch);
  };

  tick = (): void => {
    this.now = this.world.now();
  };

  poll = (): void => {
    if (this.world.isVisible()) this.refreshAll();
  };

  #soon(watch: Watch): void {
    if (watch.isDue) return;
    watch.isDue = true;
    const sinceMs = this.world.now() - watch.askedAt;
    this.world.later(() => {
      if (this.#watches.has(watch)) this.#ask(watch);
    }, Math.max(GATHER_MS, Math.min(BETWEEN_MS, BETWEEN_MS - sinceMs)));
  }

  #ask(watch: Watch): void {
    watch.isDue = false;
    watch.askedAt = this.world.now();
    void untrack(() => watch.refresh()); // asking is not a reason to ask again
  }
}
