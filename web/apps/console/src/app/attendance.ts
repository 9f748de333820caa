/**
 * Holds the live stream only while somebody looks. A browser allows few connections to one host, so a tab that has been
 * hidden for a while gives its stream up, and takes a new one when it is looked at again.
 */

export const REST_AFTER_MS = 60_000;

export type AttendanceWorld = { isVisible: () => boolean; later: (run: () => void, delayMs: number) => void };

export class Attendance {
  #stop: (() => void) | undefined;
  #looks = 0;
  #isOver = false;

  /** `open` starts the stream and returns how to stop it. */
  constructor(
    readonly open: () => () => void,
    readonly world: AttendanceWorld,
  ) {}

  /** To be called at the start and whenever the page was hidden or shown. */
  look = (): void => {
    const mine = (this.#looks += 1);
    if (this.#isOver) return;
    if (this.world.isVisible()) this.#stop ??= this.open();
    else {
      this.world.later(() => {
        if (mine === this.#looks) this.#rest();
      }, REST_AFTER_MS);
    }
  };

  end = (): void => {
    this.#isOver = true;
    this.#rest();
  };

  #rest(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}
