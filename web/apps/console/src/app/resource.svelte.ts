/**
 * Something that is asked of the cloud and shown: its last value, why the last question failed, whether one is under
 * way. A failure never takes away what was already shown. Questions do not overlap: one that comes while another is
 * under way is asked once, afterwards. An answer never takes back what was learnt after its question.
 */
import type { Failure, Reply } from "../api/client";

export class Resource<Value> {
  value: Value | undefined = $state.raw();
  failure: Failure | undefined = $state.raw();
  isAsking = $state(false);
  #isWantedAgain = false;
  #isOutdated = false;
  #running: Promise<void> | undefined;
  #isDropped = false;

  constructor(readonly ask: () => Promise<Reply<Value>>) {}

  /** Nothing to show yet, and no reason known. */
  get isFirst(): boolean {
    return this.value === undefined && this.failure === undefined;
  }

  /** Ends when what was asked from now on is here, even if an older question is still under way. */
  refresh = (): Promise<void> => {
    if (this.#running !== undefined) this.#isWantedAgain = true;
    else this.#running = this.#askUntilNew();
    return this.#running;
  };

  /** The answer to a change is the newest there is: a question that is older is asked anew. */
  keep = (value: Value): void => {
    this.value = value;
    this.failure = undefined;
    this.#isOutdated = this.#isWantedAgain = this.#running !== undefined;
  };

  /** Asks a smaller question whose answer is all that is shown, too. It comes after whatever is under way. */
  protected async askInstead(ask: () => Promise<Reply<Value>>): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    this.#running = this.#askUntilNew(ask);
    return this.#running;
  }

  async #askUntilNew(first = this.ask): Promise<void> {
    let ask = first;
    this.isAsking = true;
    do {
      this.#isWantedAgain = this.#isOutdated = false;
      const reply = await ask();
      ask = this.ask;
      if (this.#isDropped) return;
      if (this.#isOutdated) continue;
      if (reply.kind === "ok") {
        this.value = reply.value;
        this.failure = undefined;
      } else {
        this.failure = reply;
      }
    } while (this.#isWantedAgain);
    this.isAsking = false;
    this.#running = undefined;
  }

  /** The page that showed it is gone: an answer still under way is nobody's. */
  drop = (): void => {
    this.#isDropped = true;
  };
}
