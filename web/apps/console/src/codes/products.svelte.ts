/** The products of machines, as their planograms name them: for choosing one, and for naming a code's product. */
import type { ConsoleClient, Failure } from "../api/client";
import type { Slot } from "../api/views";

export type Product = { id: string; name: { zh: string; en: string }; priceMinor: number; currency: string; available: number };

export class Products {
  failure: Failure | undefined = $state.raw();
  #machines: ReadonlyMap<string, readonly Product[]> = $state.raw(new Map());
  #asked = new Set<string>();

  constructor(readonly client: ConsoleClient) {}

  /** What `machineId` sells; undefined until it is known. */
  of(machineId: string): readonly Product[] | undefined {
    return this.#machines.get(machineId);
  }

  nameOf(productId: string): { zh: string; en: string } | undefined {
    for (const products of this.#machines.values()) {
      const found = products.find((product) => product.id === productId);
      if (found !== undefined) return found.name;
    }
    return undefined;
  }

  /** Asks for the machines that are not known yet. */
  learn = (machineIds: readonly string[]): void => {
    for (const id of new Set(machineIds)) if (id !== "" && !this.#asked.has(id)) void this.#learnOne(id);
  };

  async #learnOne(machineId: string): Promise<void> {
    this.#asked.add(machineId);
    const reply = await this.client.machine(machineId);
    if (reply.kind === "ok") {
      this.failure = undefined;
      this.#machines = new Map([...this.#machines, [machineId, productsOf(reply.value.planogram)]]);
    } else {
      this.failure = reply;
      this.#asked.delete(machineId);
    }
  }
}

/** Each product once, with what is left of it in all slots that sell. */
export function productsOf(slots: readonly Slot[]): Product[] {
  const products = new Map<string, Product>();
  for (const slot of slots) {
    const available = slot.state === "closed" ? 0 : slot.available;
    const known = products.get(slot.product_id);
    products.set(slot.product_id, {
      id: slot.product_id,
      name: { zh: slot.name_zh, en: slot.name_en },
      priceMinor: known?.priceMinor ?? slot.price_minor,
      currency: slot.currency,
      available: (known?.available ?? 0) + available,
    });
  }
  return [...products.values()];
}
