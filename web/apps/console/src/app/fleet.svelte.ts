/**
 * All machines of the merchant, as every page knows them. A fleet of one page is asked for anew with whatever happens; a
 * larger one once a minute, and in between the machines that events name, each by itself.
 */
import type { ConsoleClient, Reply } from "../api/client";
import type { LiveEvent, Machine } from "../api/views";
import { Resource } from "./resource.svelte";

export const ONE_PAGE = 200;
export const WHOLE_MS = 60_000;
export const NAMED_MAX = 20;

export class Fleet extends Resource<readonly Machine[]> {
  #named = new Set<string>();
  #wholeAt = Number.NEGATIVE_INFINITY;

  constructor(
    readonly client: Pick<ConsoleClient, "machine" | "machines">,
    readonly now: () => number,
  ) {
    super(async () => {
      const reply = await client.machines();
      return reply.kind === "ok" ? { kind: "ok", value: reply.value.data } : reply;
    });
  }

  /** Remembers the machine that an event names. */
  hear = (event: LiveEvent): boolean => {
    const id = event.data["machine_id"];
    if (typeof id === "string") this.#named.add(id);
    return true;
  };

  /** What is known becomes new again, as far as it is worth it. */
  keepFresh = (): Promise<void> => {
    if (!this.#isWholeDue()) return this.askInstead(this.#askNamed);
    this.#named.clear();
    this.#wholeAt = this.now();
    return this.refresh();
  };

  #isWholeDue(): boolean {
    const [known, named] = [this.value, [...this.#named]];
    if (known === undefined || known.length <= ONE_PAGE || this.failure !== undefined) return true;
    if (named.length > NAMED_MAX || this.now() - this.#wholeAt >= WHOLE_MS) return true;
    return !named.every((id) => known.some((machine) => machine.id === id));
  }

  #askNamed = async (): Promise<Reply<readonly Machine[]>> => {
    const named = [...this.#named];
    this.#named.clear();
    const replies = await Promise.all(named.map((id) => this.client.machine(id)));
    const fresh = new Map(replies.flatMap((reply) => (reply.kind === "ok" ? [[reply.value.id, reply.value]] : [])));
    const known = this.value ?? [];
    return { kind: "ok", value: fresh.size === 0 ? known : known.map((machine) => fresh.get(machine.id) ?? machine) };
  };
}
