/**
 * Something that is asked of the cloud and shown: its last value, why the last question failed, whether one is under
 * way. A failure never takes away what was already shown. Questions do not overlap: one that comes while another is
 * under way is asked once, afterwards.
 */
import type { Failure, Reply } from "../api/client";

export class Resource<Value> {
  value: Value | undefined = $state.raw();
  failure: Failure | undefined = $state.raw();
  isAsking = $state(false);
  #isWantedAgain = false;
  #isDropped = false;

  constructor(readonly ask: () => Promise<Reply<Value>>) {}

  /** Nothing to show yet, and no reason known. */
  get isFirst(): boolean {
    return this.value === undefined && this.failure === undefined;
  }

  refresh = async (): Promise<void> => {
    if (this.isAsking) {
      this.#isWantedAgain = true;
      return;
    }
    this.isAsking = true;
    do {
      this.#isWantedAgain = false;
      const reply = await this.ask();
      if (this.#isDropped) return;
      if (reply.kind === "ok") {
        this.value = reply.value;
        this.failure = undefined;
      } else {
        this.failure = reply;
      }
    } while (this.#isWantedAgain);
    this.isAsking = false;
  };

  /** The page that showed it is gone: an answer still under way is nobody's. */
  drop = (): void => {
    this.#isDropped = true;
  };
}
