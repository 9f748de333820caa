/**
 * What was bought, for short lists. The list of orders carries no product names, and what an order asks for never
 * changes: each order is asked for once, and only by the few rows that show it.
 */
import type { ConsoleClient } from "../api/client";
import type { Order, Unit } from "../api/views";

const KEPT_MAX = 200;

export type Good = { name: { zh: string; en: string }; count: number };

export class Goods {
  #known: ReadonlyMap<string, readonly Good[]> = $state.raw(new Map());
  #asked = new Set<string>();

  constructor(readonly client: ConsoleClient) {}

  of(orderId: string): readonly Good[] | undefined {
    return this.#known.get(orderId);
  }

  /** Asks for what is not known yet of `orders`. */
  learn = async (orders: readonly Order[]): Promise<void> => {
    const unknown = orders.filter((order) => !this.#asked.has(order.id));
    await Promise.all(unknown.map((order) => this.#learnOne(order.id)));
  };

  async #learnOne(id: string): Promise<void> {
    this.#asked.add(id);
    const reply = await this.client.order(id);
    if (reply.kind !== "ok") {
      this.#asked.delete(id);
      return;
    }
    const kept = [...this.#known].slice(-KEPT_MAX + 1);
    this.#known = new Map([...kept, [id, goodsOf(reply.value.unit_list)]]);
  }
}

/** Units of the same product together, in the order in which they were chosen. */
export function goodsOf(units: readonly Unit[]): Good[] {
  const goods = new Map<string, Good>();
  for (const unit of units) {
    const name = { zh: unit.name_zh, en: unit.name_en };
    const known = goods.get(unit.product_id);
    goods.set(unit.product_id, { name, count: (known?.count ?? 0) + 1 });
  }
  return [...goods.values()];
}
